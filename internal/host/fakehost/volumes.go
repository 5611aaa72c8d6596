package fakehost

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

type volume struct {
	format   string
	capacity uint64 // the capacity that it was created with or grown to
	backing  *host.Backing
	data     []byte
	far      map[int64][]byte // of a raw volume, what was written at offsets from farAway on
	modified time.Time
}

// farAway is the offset from which on a volume keeps only what was written to it, bytes. File systems of
// many GiB are mostly holes.
const farAway = 4 << 20

// qcow2Magic begins every qcow2 image; the 64-bit capacity is at capacityAt
// (https://www.qemu.org/docs/master/interop/qcow2.html).
const (
	qcow2Magic = "QFI\xfb"
	capacityAt = 24

	backingAt       = 8          // offset of the name of the image below, 64 bits, and its length, 32 bits
	headerLengthAt  = 100        // 32 bits; extensions follow the header: a type, a length, and as much data
	formatExtension = 0xe2792aca // the format of the image below
)

// probed returns the format and capacity that libvirt would detect from the volume's content.
func (v *volume) probed() (format string, capacity uint64) {
	if bytes.HasPrefix(v.data, []byte(qcow2Magic)) && len(v.data) >= capacityAt+8 {
		return "qcow2", binary.BigEndian.Uint64(v.data[capacityAt:])
	}
	return v.format, v.capacity
}

// below is what a qcow2 image that was written into a raw volume stands on, by its header; nil for
// nothing.
func (v *volume) below() *host.Backing {
	format, _ := v.probed()
	if v.backing != nil || v.format != "raw" || format != "qcow2" || len(v.data) < headerLengthAt+4 {
		return v.backing
	}
	word := func(at uint64) uint64 { return uint64(binary.BigEndian.Uint32(v.data[at:])) }
	name, length := binary.BigEndian.Uint64(v.data[backingAt:]), word(backingAt+8)
	if name == 0 || name+length > uint64(len(v.data)) {
		return nil
	}
	b := host.Backing{Path: string(v.data[name : name+length])}
	for at := word(headerLengthAt); at+8 <= name && word(at) != 0; at += 8 + (word(at+4)+7)/8*8 {
		if word(at) == formatExtension && at+8+word(at+4) <= name {
			b.Format = string(v.data[at+8 : at+8+word(at+4)])
		}
	}
	return &b
}

// content is what the volume's file holds: a new qcow2 image is its header.
func (v *volume) content() []byte {
	if v.format != "qcow2" || len(v.data) > 0 {
		return v.data
	}
	const backingFormatAt, nameAt, size = 104, 128, 2048
	header := make([]byte, size)
	copy(header, qcow2Magic)
	for at, word := range map[int]uint32{4: 3, 20: 16, 96: 4, headerLengthAt: backingFormatAt} {
		binary.BigEndian.PutUint32(header[at:], word)
	}
	binary.BigEndian.PutUint64(header[capacityAt:], v.capacity)
	if v.backing == nil {
		return header
	}
	binary.BigEndian.PutUint64(header[backingAt:], nameAt)
	binary.BigEndian.PutUint32(header[backingAt+8:], uint32(len(v.backing.Path)))
	binary.BigEndian.PutUint32(header[backingFormatAt:], formatExtension)
	binary.BigEndian.PutUint32(header[backingFormatAt+4:], uint32(len(v.backing.Format)))
	copy(header[backingFormatAt+8:], v.backing.Format)
	copy(header[nameAt:], v.backing.Path)
	return header
}

func (p *pool) describeVolume(name string) (host.Volume, error) {
	v, ok := p.volumes[name]
	if !ok {
		return host.Volume{}, host.ErrNoVolume
	}
	d := host.Volume{
		Pool: p.Name, Name: name, Path: p.Path + "/" + name,
		Allocation: v.allocated(), Physical: uint64(len(v.content())), Modified: v.modified,
	}
	d.Format, d.Capacity = v.probed()
	if d.Format == "raw" {
		d.Physical = d.Capacity
	}
	if on := v.below(); on != nil {
		below := *on
		d.Backing = &below
	}
	return d, nil
}

// onVolume makes a request about an existing volume.
func (h *state) onVolume(ctx context.Context, method, pool, name string, do func(*volume) error) error {
	return h.do(ctx, method, pool+"/"+name, func() error {
		p, err := h.pool(pool)
		if err != nil {
			return err
		}
		v, ok := p.volumes[name]
		if !ok {
			return host.ErrNoVolume
		}
		return do(v)
	})
}

// Volume is host.Volumes.Volume.
func (h volumeRequests) Volume(ctx context.Context, pool, name string) (found host.Volume, err error) {
	err = h.do(ctx, "Volume", pool+"/"+name, func() error {
		p, err := h.pool(pool)
		if err == nil {
			found, err = p.describeVolume(name)
		}
		return err
	})
	return found, err
}

// Volumes is host.Volumes.Volumes.
func (h volumeRequests) Volumes(ctx context.Context, pool string, match func(name string) bool) (
	found []host.Volume, _ []host.Undescribed, err error,
) {
	names, err := h.VolumeNames(ctx, pool)
	for _, name := range names {
		if !match(name) {
			continue
		}
		v, err := h.Volume(ctx, pool, name)
		switch {
		case err == nil:
			found = append(found, v)
		case !errors.Is(err, host.ErrNoVolume):
			return nil, nil, err
		}
	}
	return found, nil, err
}

// VolumeNames is host.Volumes.VolumeNames.
func (h volumeRequests) VolumeNames(ctx context.Context, pool string) (names []string, err error) {
	err = h.do(ctx, "VolumeNames", pool, func() error {
		p, err := h.pool(pool)
		if err == nil {
			names = slices.Sorted(maps.Keys(p.volumes))
		}
		return err
	})
	return names, err
}

// CreateVolume is host.Volumes.CreateVolume.
func (h volumeRequests) CreateVolume(
	ctx context.Context, pool string, spec host.VolumeSpec,
) (made host.Volume, err error) {
	made, err = h.newVolume(ctx, "CreateVolume", pool, spec, func(*volume) error { return nil })
	made.Allocation, made.Physical, made.Modified = 0, 0, time.Time{}
	return made, err
}

func (h volumeRequests) newVolume(
	ctx context.Context, method, pool string, spec host.VolumeSpec, fill func(*volume) error,
) (made host.Volume, err error) {
	err = h.do(ctx, method, pool+"/"+spec.Name, func() error {
		p, err := h.pool(pool)
		if err != nil {
			return err
		}
		_, taken := p.volumes[spec.Name]
		if _, unseen := p.unseen[spec.Name]; taken || unseen {
			return host.ErrExists
		}
		if spec.Backing != nil && h.at(spec.Backing.Path) == nil {
			return fmt.Errorf("there is no %s to stand on", spec.Backing.Path)
		}
		v := &volume{format: spec.Format, capacity: spec.Capacity, backing: spec.Backing, modified: time.Now().UTC()}
		if err := fill(v); err != nil {
			return err
		}
		p.volumes[spec.Name] = v
		made, err = p.describeVolume(spec.Name)
		return err
	})
	return made, err
}

// CloneVolume is host.Volumes.CloneVolume. It converts only the format's name.
func (h volumeRequests) CloneVolume(
	ctx context.Context, pool string, spec host.VolumeSpec, from host.CloneSource,
) (host.Volume, error) {
	return h.newVolume(ctx, "CloneVolume", pool, spec, func(v *volume) error {
		p, err := h.pool(from.Pool)
		if err != nil {
			return err
		}
		source, err := p.describeVolume(from.Name)
		if err == nil {
			err = source.As(from.Format)
		}
		if err != nil {
			return err
		}
		v.capacity = max(spec.Capacity, source.Capacity)
		v.data, v.far = bytes.Clone(p.volumes[from.Name].data), maps.Clone(p.volumes[from.Name].far)
		v.grow()
		return nil
	})
}

// CopyVolume is host.Volumes.CopyVolume.
func (h volumeRequests) CopyVolume(ctx context.Context, pool, name, from string) error {
	spec := host.VolumeSpec{Name: name, Format: "raw"}
	_, err := h.newVolume(ctx, "CopyVolume", pool, spec, func(v *volume) error {
		source, ok := h.pools[pool].volumes[from]
		if !ok {
			return host.ErrNoVolume
		}
		v.capacity, v.data, v.far = source.capacity, bytes.Clone(source.data), maps.Clone(source.far)
		return nil
	})
	return err
}

// allocated is how many bytes the volume takes up.
func (v *volume) allocated() uint64 {
	sum := len(v.data)
	for _, data := range v.far {
		sum += len(data)
	}
	return uint64(sum)
}

// grow writes the capacity into the volume's header, if it has one.
func (v *volume) grow() {
	if format, _ := v.probed(); format == "qcow2" && len(v.data) > 0 {
		binary.BigEndian.PutUint64(v.data[capacityAt:], v.capacity)
	}
}

// ResizeVolume is host.Volumes.ResizeVolume.
func (h volumeRequests) ResizeVolume(ctx context.Context, pool, name, format string, capacity uint64) error {
	return h.onVolume(ctx, "ResizeVolume", pool, name, func(v *volume) error {
		has, err := h.pools[pool].describeVolume(name)
		if err != nil {
			return err
		}
		size, err := has.DiskSize(format)
		if err != nil {
			return err
		}
		if size > capacity {
			return fmt.Errorf("it has %d bytes, and cannot shrink to %d", size, capacity)
		}
		if has.Format != format { // grow the file
			v.write([]byte{0}, int64(capacity)-1)
			return nil
		}
		v.capacity = capacity
		v.grow()
		return nil
	})
}

// DeleteVolume is host.Volumes.DeleteVolume.
func (h volumeRequests) DeleteVolume(ctx context.Context, pool, name string) error {
	return h.onVolume(ctx, "DeleteVolume", pool, name, func(*volume) error {
		delete(h.pools[pool].volumes, name)
		return nil
	})
}

// ReadVolume is host.Volumes.ReadVolume.
func (h volumeRequests) ReadVolume(ctx context.Context, pool, name string, limit int64) (data []byte, err error) {
	err = h.onVolume(ctx, "ReadVolume", pool, name, func(v *volume) error {
		data = v.bytes()
		if int64(len(data)) > limit {
			return fmt.Errorf("it has %d bytes, and %d is the most", len(data), limit)
		}
		return nil
	})
	return data, err
}

// bytes returns the content of the volume's file.
func (v *volume) bytes() []byte {
	all := v.snapshot()
	data, _ := io.ReadAll(io.NewSectionReader(all, 0, all.size)) // it never fails
	return data
}

// snapshot is the content of a volume's file at one time.
type snapshot struct {
	near []byte
	far  map[int64][]byte
	size int64
}

// snapshot returns the content of the volume's file now: a raw file is as long as the capacity.
func (v *volume) snapshot() snapshot {
	if format, _ := v.probed(); format != "raw" {
		data := bytes.Clone(v.content())
		return snapshot{near: data, size: int64(len(data))}
	}
	return snapshot{bytes.Clone(v.data), maps.Clone(v.far), max(int64(v.capacity), int64(len(v.data)))}
}

// ReadAt is io.ReaderAt.ReadAt.
func (s snapshot) ReadAt(p []byte, offset int64) (int, error) {
	want, n := len(p), int(min(int64(len(p)), max(0, s.size-offset)))
	p = p[:n]
	clear(p)
	if offset < int64(len(s.near)) {
		copy(p, s.near[offset:])
	}
	for at, data := range s.far {
		if from := at - offset; from >= 0 && from < int64(n) {
			copy(p[from:], data)
		} else if from < 0 && -from < int64(len(data)) {
			copy(p, data[-from:])
		}
	}
	if n < want {
		return n, io.EOF
	}
	return n, nil
}

// ReadVolumeAt is host.Volumes.ReadVolumeAt.
func (h volumeRequests) ReadVolumeAt(
	ctx context.Context, pool, name string, offset uint64, limit int64,
) (data []byte, err error) {
	err = h.onVolume(ctx, "ReadVolumeAt", pool, name, func(v *volume) error {
		all := v.snapshot()
		data, err = io.ReadAll(io.NewSectionReader(all, int64(min(offset, uint64(all.size))), limit))
		return err
	})
	return data, err
}

// WriteVolume is host.Volumes.WriteVolume.
func (h volumeRequests) WriteVolume(ctx context.Context, pool, name string, data []byte) error {
	return h.onVolume(ctx, "WriteVolume", pool, name, func(v *volume) error {
		v.write(data, 0)
		return nil
	})
}

func (v *volume) write(data []byte, offset int64) {
	v.modified = time.Now().UTC()
	if offset >= farAway && v.format == "raw" {
		if v.far == nil {
			v.far = map[int64][]byte{}
		}
		v.far[offset] = bytes.Clone(data)
		v.capacity = max(v.capacity, uint64(offset)+uint64(len(data)))
		return
	}
	v.data = v.content()
	if end := int(offset) + len(data); end > len(v.data) {
		v.data = append(v.data, make([]byte, end-len(v.data))...)
	}
	copy(v.data[offset:], data)
	if v.format == "raw" {
		v.capacity = max(v.capacity, uint64(len(v.data)))
	}
}

// OpenVolume is host.Volumes.OpenVolume.
func (h volumeRequests) OpenVolume(ctx context.Context, pool, name string) (r io.ReadCloser, err error) {
	err = h.onVolume(ctx, "OpenVolume", pool, name, func(v *volume) error {
		all := v.snapshot()
		r = io.NopCloser(io.NewSectionReader(all, 0, all.size))
		return nil
	})
	return r, err
}
