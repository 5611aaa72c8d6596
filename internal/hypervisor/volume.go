package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// VolumeNames returns the names of all volumes of a pool, in no particular
// order, with one request. It sees what the daemon knows; see RefreshPool.
func (h *Host) VolumeNames(ctx context.Context, pool string) ([]string, error) {
	return ofActivePool(ctx, func() ([]string, error) {
		return inPool(ctx, h, "listing", "volumes of "+virterr.Pool(pool), pool, true,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) ([]string, error) {
				refs, _, err := l.StoragePoolListAllVolumes(ref, 1, 0)
				if err != nil {
					return nil, orTooMany(l, ref, err)
				}
				names := make([]string, len(refs))
				for i, ref := range refs {
					names[i] = ref.Name
				}
				return names, nil
			})
	})
}

// orTooMany finds that a pool was not listed because it has more volumes than libvirt lists, for which it has no code.
func orTooMany(l *libvirt.Libvirt, ref libvirt.StoragePool, err error) error {
	const most = 16384 // REMOTE_STORAGE_VOL_LIST_MAX in src/remote/remote_protocol.x
	if n, failed := l.StoragePoolNumOfVolumes(ref); failed == nil && n > most {
		return fmt.Errorf("%w: it has %d, and libvirt lists at most %d. Move what is not novacron's out of its directory: a library "+
			"needs a pool of its own", virterr.ErrTooManyVolumes, n, most)
	}
	return err
}

// Volumes returns the volumes of a pool whose names match: one request for the
// list and one for each match. A volume that vanishes meanwhile is left out, and
// those that cannot be described are told of.
func (h *Host) Volumes(ctx context.Context, pool string, match func(name string) bool) ([]Volume, []virterr.Undescribed, error) {
	names, err := h.VolumeNames(ctx, pool)
	if err != nil {
		return nil, nil, err
	}
	var matches []string
	for _, name := range names {
		if match(name) {
			matches = append(matches, name)
		}
	}
	called := func(name string) Undescribed { return virterr.Undescribed{Pool: pool, Name: name} }
	return rpc.DescribeAll(ctx, matches, virterr.ErrNoVolume, ofVolumes, called, func(ctx context.Context, name string) (Volume, error) {
		return h.Volume(ctx, pool, name)
	})
}

// Volume returns a volume, virterr.ErrNoVolume, virterr.ErrNoPool or virterr.ErrPoolInactive.
func (h *Host) Volume(ctx context.Context, pool, name string) (Volume, error) {
	text, err := ofActivePool(ctx, func() (string, error) {
		text, err := rpc.Ask(ctx, h.Client, "reading", virterr.Volume(pool, name), func(l *libvirt.Libvirt) (string, error) {
			return l.StorageVolGetXMLDesc(volumeRef(pool, name), 0)
		})
		return text, h.blamePool(ctx, "reading", virterr.Volume(pool, name), pool, err)
	})
	if err != nil {
		return Volume{}, err
	}
	v, err := parseVolume(pool, name, text)
	return v, virterr.Fail("reading", virterr.Volume(pool, name), err)
}

// volumeRef addresses a volume. The storage driver goes by pool and name alone
// (storage_driver.c, virStorageVolDefFromVol), so nothing needs to be looked up.
func volumeRef(pool, name string) libvirt.StorageVol {
	return libvirt.StorageVol{Pool: pool, Name: name}
}

// CreateVolume creates an empty volume, or an overlay when spec has a Backing.
// Creating a raw volume is exclusive, even between daemons that share the pool's
// directory: whoever comes second gets virterr.ErrExists. For other formats that is so
// within one daemon only.
func (h *Host) CreateVolume(ctx context.Context, pool string, spec VolumeSpec) (Volume, error) {
	object := virterr.Volume(pool, spec.Name)
	text, err := renderVolume(spec)
	if err != nil {
		return Volume{}, virterr.Fail("creating", object, err)
	}
	create := func() error {
		_, err := inPool(ctx, h, "creating", object, pool, false,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) (libvirt.StorageVol, error) {
				return l.StorageVolCreateXML(ref, text, 0)
			})
		return err
	}
	refused := func(err error) bool {
		return virterr.HasCode(err, libvirt.ErrOperationInvalid) && !errors.Is(err, virterr.ErrPoolInactive)
	}
	if err = create(); refused(err) { // perhaps since the pool was not active yet
		err = create()
	}
	created := time.Now()
	// A file made behind this daemon's back: OPERATION_INVALID when it is there
	// before libvirt looks (the pool is active, or the error would say so), and a
	// system error of unknown number when it comes after.
	if refused(err) || virterr.HasCode(err, libvirt.ErrSystemError) && h.appeared(ctx, pool, spec.Name) {
		return Volume{}, virterr.Fail("creating", object, virterr.As(virterr.ErrExists, errors.Unwrap(err)))
	}
	if err != nil {
		return Volume{}, err
	}
	v, err := h.Volume(ctx, pool, spec.Name)
	if err == nil {
		h.read(v, created)
	}
	return v, err
}

// appeared tells whether a refresh of the pool brings up the volume.
func (h *Host) appeared(ctx context.Context, pool, name string) bool {
	if h.RefreshPool(ctx, pool) != nil {
		return false
	}
	_, err := h.Volume(ctx, pool, name)
	return err == nil
}

// CloneSource is a volume to be copied, and the format that it is known to have.
type CloneSource struct{ Pool, Name, Format string }

// CloneVolume copies a volume on the host, converting it to spec's format, and
// grows the copy when spec.Capacity is larger than the source's; zero keeps the
// source's. It takes as long as ctx allows. When ctx ends first, the host goes
// on copying: the volume exists then, or will, and cannot be deleted before the
// host is done.
//
// libvirt copies by the format that it has found in the source. Where that is not
// the source's, before or after the copy, there is no copy, and a *FormatError.
func (h *Host) CloneVolume(ctx context.Context, pool string, spec VolumeSpec, from CloneSource) (Volume, error) {
	object := cloneObject(pool, spec.Name, from)
	const op = "cloning"
	capacity := spec.Capacity
	spec.Capacity = 0
	text, err := renderVolume(spec)
	if err != nil {
		return Volume{}, virterr.Fail(op, object, err)
	}
	ref, _, err := h.poolRef(ctx, op, object, pool)
	if err != nil {
		return Volume{}, err
	}
	if err := h.cloneable(ctx, op, object, from); err != nil {
		return Volume{}, err
	}
	c, err := h.Alone(ctx, op, object)
	if err != nil {
		return Volume{}, err
	}
	defer c.Close()
	err = c.Do(ctx, func(l *libvirt.Libvirt) error {
		_, err := l.StorageVolCreateXMLFrom(ref, text, volumeRef(from.Pool, from.Name), 0)
		return err
	})
	if err != nil {
		return Volume{}, h.blameClone(ctx, pool, spec.Name, from, err)
	}
	v, err := h.grownClone(ctx, pool, spec, capacity, from)
	if err != nil {
		// A clone of the wrong size is of no use to anybody, and one of the wrong
		// format may hold what is nobody's to see.
		return Volume{}, errors.Join(err, h.DeleteVolume(context.WithoutCancel(ctx), pool, spec.Name))
	}
	return v, nil
}

// cloneable makes sure that libvirt takes the source for what it is.
func (h *Host) cloneable(ctx context.Context, op, object string, from CloneSource) error {
	source, err := h.Volume(ctx, from.Pool, from.Name)
	if err != nil {
		return err
	}
	return virterr.Fail(op, object, source.As(from.Format))
}

// grownClone looks at the source once more, and gives the clone its size.
func (h *Host) grownClone(ctx context.Context, pool string, spec VolumeSpec, capacity uint64, from CloneSource) (Volume, error) {
	// Somebody may have had the pool looked at during the copy.
	if err := h.cloneable(ctx, "cloning", cloneObject(pool, spec.Name, from), from); err != nil {
		return Volume{}, err
	}
	v, err := h.Volume(ctx, pool, spec.Name)
	if err != nil || capacity <= v.Capacity {
		return v, err
	}
	if err := h.ResizeVolume(ctx, pool, spec.Name, spec.Format, capacity); err != nil {
		return v, err
	}
	return h.Volume(ctx, pool, spec.Name)
}

// blameClone finds out what was wrong with a clone that libvirt refused.
func (h *Host) blameClone(ctx context.Context, pool, name string, from CloneSource, err error) error {
	const op = "cloning"
	object := cloneObject(pool, name, from)
	if virterr.HasCode(err, libvirt.ErrInternalError) {
		// That is what a taken name gives, among other things; a copy that failed
		// is removed by libvirt.
		if _, lookup := h.Volume(ctx, pool, name); lookup == nil {
			return virterr.Fail(op, object, virterr.As(virterr.ErrExists, err))
		}
	}
	err = h.blamePool(ctx, op, object, from.Pool, virterr.Fail(op, object, err))
	if from.Pool == pool || errors.Is(err, virterr.ErrPoolInactive) || errors.Is(err, virterr.ErrNoPool) {
		return err
	}
	return h.blamePool(ctx, op, object, pool, err)
}

func cloneObject(pool, name string, from CloneSource) string {
	return virterr.Volume(from.Pool, from.Name) + " to " + virterr.Volume(pool, name)
}

// busyLimit is how long DeleteVolume waits for a volume that the host is busy with.
const busyLimit = time.Minute

// DeleteVolume deletes a volume. It does not notice overlays that need it. A volume
// that the host is still busy with (an upload whose connection was just closed, a
// copy that goes on after its caller left) is waited for, a minute at most; then it
// gives virterr.ErrOperationInvalid.
func (h *Host) DeleteVolume(ctx context.Context, pool, name string) error {
	for begun, wait := time.Now(), 10*time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := h.changeVolume(ctx, "deleting", pool, name, func(l *libvirt.Libvirt) error {
			return l.StorageVolDelete(volumeRef(pool, name), 0)
		})
		if !errors.Is(err, virterr.ErrOperationInvalid) || errors.Is(err, virterr.ErrPoolInactive) || time.Since(begun) > busyLimit {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func (h *Host) changeVolume(ctx context.Context, op, pool, name string, fn func(*libvirt.Libvirt) error) error {
	object := virterr.Volume(pool, name)
	return h.blamePool(ctx, op, object, pool, h.Call(ctx, op, object, false, fn))
}
