package domain

import (
	"context"

	"github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/saveimage"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Memory saves guests' memory to files of the host, and resumes guests from it.
type Memory struct {
	client  *rpc.Client
	domains *Domains
}

// SaveMemory saves the memory of a running guest to a new file of the host, and ends the guest. Only
// root can read the file. A pool's refresh makes it a volume. SaveMemory takes as long as ctx allows.
func (m *Memory) SaveMemory(ctx context.Context, uuid, path string) error {
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail("saving the memory of", virterr.Domain(uuid), err)
	}
	return m.alone(ctx, "saving the memory of", virterr.Domain(uuid), func(l *libvirt.Libvirt) error {
		return l.DomainSave(ref, path)
	})
}

// ResumeMemory runs the guest that the head of a file names, from the memory in the file. The domain
// is defined already, and off. The file may be removed afterwards. ResumeMemory takes as long as ctx
// allows. If ctx ends first, the host continues: the guest runs then, or will.
func (m *Memory) ResumeMemory(ctx context.Context, path string) error {
	return m.alone(ctx, "resuming a guest from", path, func(l *libvirt.Libvirt) error {
		return l.DomainRestoreFlags(path, nil, uint32(libvirt.DomainSaveRunning))
	})
}

// alone makes a request that takes long on a connection of its own.
func (m *Memory) alone(ctx context.Context, op, object string, do func(*libvirt.Libvirt) error) error {
	c, err := m.client.Alone(ctx, op, object)
	if err != nil {
		return err
	}
	defer c.Close()
	return virterr.Fail(op, object, c.Do(ctx, nil, do))
}

// MemoryHeadSize returns how many bytes of a file with a guest's memory are its head, from the first
// host.MemoryHeadBegins bytes of the file. An error says that the file is not one, or that its
// memory is not complete.
func (m *Memory) MemoryHeadSize(file []byte) (int, error) { return saveimage.Size(file) }

// MemoryHead reads a head.
func (m *Memory) MemoryHead(head []byte) (host.SavedGuest, error) {
	h, err := saveimage.Parse(head)
	if err != nil {
		return host.SavedGuest{}, err
	}
	var doc libvirtxml.Domain
	if err := virterr.Understand("the saved definition", h.XML, &doc); err != nil {
		return host.SavedGuest{}, err
	}
	var guest host.SavedGuest
	if doc.OS != nil && doc.OS.Type != nil {
		guest.Machine = doc.OS.Type.Machine
	}
	return guest, nil
}

// MemoryHeadAs returns the head of a file with a guest's memory for a guest of another identity, and
// the definition of that guest. It is as long as the head that it replaces.
func (m *Memory) MemoryHeadAs(head []byte, id host.Identity) (as []byte, definition string, err error) {
	h, err := saveimage.Parse(head)
	if err != nil {
		return nil, "", err
	}
	if h.XML, err = withIdentity(h.XML, id); err != nil {
		return nil, "", err
	}
	h.Running = true
	if as, err = h.Render(); err == nil {
		definition, err = withCPU(h.XML, id.CPU)
	}
	return as, definition, err
}

// DefineAs defines a domain as MemoryHeadAs has described it, without starting it. If another domain
// has the name or the UUID, it returns host.ErrExists.
func (m *Memory) DefineAs(ctx context.Context, definition string, id host.Identity) (host.Domain, error) {
	d, _, err := m.domains.DefineNew(ctx, id.Name, id.UUID, definition)
	return d, err
}
