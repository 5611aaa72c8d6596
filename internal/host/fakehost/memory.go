package fakehost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// A file with a guest's memory begins with memoryMagic, the length of the head in memoryDigits
// digits, and the domain in JSON. The rest of the head is spaces.
const (
	memoryMagic  = "fakehost's memory of a guest "
	memoryDigits = 8
	memoryBegins = len(memoryMagic) + memoryDigits
	memorySpare  = 64 << 10 // for longer texts, in bytes
	memory       = "what the guest had in mind"
)

// savedDomain is what a head has of a domain.
type savedDomain struct {
	host.Domain
	Console string
}

// SaveMemory is host.Memory.SaveMemory.
func (h memoryRequests) SaveMemory(ctx context.Context, uuid, file string) error {
	return h.onGuest(ctx, "SaveMemory", uuid, func(d *domain) error {
		text, err := json.Marshal(savedDomain{d.describe(), d.console})
		if err != nil {
			return err
		}
		for _, p := range h.pools {
			if p.Path != path.Dir(file) {
				continue
			}
			content := append(headOf(text, memoryBegins+len(text)+memorySpare), memory...)
			if p.unseen == nil {
				p.unseen = map[string]*volume{}
			}
			p.unseen[path.Base(file)] = &volume{
				format: "raw", capacity: uint64(len(content)), data: content, modified: time.Now().UTC(),
			}
			d.powerOff()
			return nil
		}
		return fmt.Errorf("there is no directory for %s", file)
	})
}

// headOf is a head of size bytes with a text.
func headOf(text []byte, size int) []byte {
	head := fmt.Appendf(nil, "%s%0*d%s", memoryMagic, memoryDigits, size, text)
	return append(head, bytes.Repeat([]byte(" "), size-len(head))...)
}

var errNotMemory = errors.New("not the memory of a guest")

// MemoryHeadSize is host.Memory.MemoryHeadSize.
func (memoryRequests) MemoryHeadSize(file []byte) (int, error) {
	if len(file) < memoryBegins || !bytes.HasPrefix(file, []byte(memoryMagic)) {
		return 0, errNotMemory
	}
	return strconv.Atoi(string(file[len(memoryMagic):memoryBegins]))
}

// MemoryHead is host.Memory.MemoryHead.
func (h memoryRequests) MemoryHead(head []byte) (host.SavedGuest, error) {
	_, err := h.saved(head)
	return host.SavedGuest{Machine: "fake-1.0"}, err
}

func (h memoryRequests) saved(head []byte) (d savedDomain, err error) {
	size, err := h.MemoryHeadSize(head)
	if err == nil && len(head) < size {
		err = errNotMemory
	}
	if err == nil {
		err = json.Unmarshal(head[memoryBegins:size], &d)
	}
	return d, err
}

// MemoryHeadAs is host.Memory.MemoryHeadAs.
func (h memoryRequests) MemoryHeadAs(head []byte, id host.Identity) (as []byte, definition string, err error) {
	d, err := h.saved(head)
	if err != nil {
		return nil, "", err
	}
	d.Name, d.UUID, d.Description, d.Metadata, d.Console = id.Name, id.UUID, id.Description, id.Metadata, id.ConsoleLog
	d.Autostart, d.CPU = false, host.EffectiveCPU(d.Type, id.CPU)
	for i, disk := range d.Disks {
		own, named := id.Disks[disk.Name]
		switch {
		case disk.CDROM:
			d.Disks[i].Path = id.Seed
		case !named:
			return nil, "", fmt.Errorf("the memory needs a disk %q", disk.Name)
		default:
			d.Disks[i].Path = own
		}
	}
	for i, nic := range d.Interfaces {
		n := slices.IndexFunc(id.Interfaces, func(s host.InterfaceSpec) bool { return s.Name == nic.Name })
		if n < 0 {
			return nil, "", fmt.Errorf("the memory needs an interface %q", nic.Name)
		}
		spec := id.Interfaces[n]
		spec.Model = nic.Model
		d.Interfaces[i] = interfaceOf(spec)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, "", err
	}
	size, _ := h.MemoryHeadSize(head)
	if memoryBegins+len(text) > size {
		return nil, "", errors.New("too long for the head")
	}
	return headOf(text, size), string(text), nil
}

// DefineAs is host.Memory.DefineAs.
func (h memoryRequests) DefineAs(
	ctx context.Context, definition string, id host.Identity,
) (made host.Domain, err error) {
	err = h.do(ctx, "DefineAs", id.Name, func() error {
		d, err := h.defineSaved(id.Name, id.UUID, definition, func(*savedDomain) error { return nil })
		made = d
		return err
	})
	return made, err
}

// defineSaved defines a domain by the text of a savedDomain, once change has adapted it.
func (h *driver) defineSaved(
	name, uuid, definition string, change func(*savedDomain) error,
) (host.Domain, error) {
	if h.domains[uuid] != nil || h.named(name) != nil {
		return host.Domain{}, host.ErrExists
	}
	var saved savedDomain
	if err := json.Unmarshal([]byte(definition), &saved); err != nil {
		return host.Domain{}, err
	}
	if err := change(&saved); err != nil {
		return host.Domain{}, err
	}
	saved.Status = host.Status{State: host.StateShutoff}
	d := &domain{Domain: saved.Domain, console: saved.Console, sent: map[string]int64{}, down: map[string]bool{}}
	h.domains[uuid] = d
	return d.describe(), nil
}

// ResumeMemory is host.Memory.ResumeMemory. The guest writes to its console as if it had started.
func (h memoryRequests) ResumeMemory(ctx context.Context, file string) error {
	return h.do(ctx, "ResumeMemory", file, func() error {
		v := h.at(file)
		if v == nil {
			return fmt.Errorf("%w: cannot access %s", host.ErrInternal, path.Base(file))
		}
		saved, err := h.saved(v.data)
		if err == nil && !bytes.HasSuffix(v.data, []byte(memory)) {
			err = errors.New("the memory is not complete")
		}
		if err != nil {
			return fmt.Errorf("%w: %w", host.ErrInternal, err)
		}
		d := h.domains[saved.UUID]
		if d == nil || d.live != nil || d.Name != saved.Name {
			return host.ErrOperationInvalid
		}
		for _, disk := range saved.Disks {
			if !disk.CDROM && h.at(disk.Path) == nil {
				return fmt.Errorf("%w: cannot access %s", host.ErrInternal, path.Base(disk.Path))
			}
		}
		d.State = host.StateRunning
		h.powerOn(d)
		return nil
	})
}
