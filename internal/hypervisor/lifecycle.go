package hypervisor

import (
	"context"
	"errors"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// undefineFlags takes along what would otherwise make libvirt refuse.
const undefineFlags = libvirt.DomainUndefineManagedSave | libvirt.DomainUndefineSnapshotsMetadata |
	libvirt.DomainUndefineCheckpointsMetadata | libvirt.DomainUndefineNvram

// StartDomain starts a domain. One that is running already is left as it is.
func (h *Host) StartDomain(ctx context.Context, uuid string) error {
	return h.bring(ctx, "starting", uuid, host.StateRunning, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainCreate(ref)
	})
}

// DestroyDomain powers a domain off. One that is off already is left as it is.
func (h *Host) DestroyDomain(ctx context.Context, uuid string) error {
	return h.bring(ctx, "powering off", uuid, host.StateShutoff, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainDestroyFlags(ref, libvirt.DomainDestroyDefault)
	})
}

// ShutdownDomain asks the guest to shut down and does not wait for it: see
// DomainState. A domain that is off already is left as it is. The mode
// ShutdownAgent gives host.ErrAgentUnresponsive where no agent answers.
func (h *Host) ShutdownDomain(ctx context.Context, uuid string, mode host.ShutdownMode) error {
	if mode == host.ShutdownAgent {
		return h.shutdownByAgent(ctx, uuid)
	}
	return h.bring(ctx, "shutting down", uuid, host.StateShutoff, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainShutdownFlags(ref, libvirt.DomainShutdownAcpiPowerBtn)
	})
}

// bring makes a request that leads to a state. libvirt refuses it with
// OPERATION_INVALID when the domain is in that state already.
func (h *Host) bring(ctx context.Context, op, uuid string, to host.State, fn func(*libvirt.Libvirt, libvirt.Domain) error) error {
	err := h.change(ctx, op, uuid, fn)
	return h.forgive(ctx, uuid, to, err)
}

func (h *Host) forgive(ctx context.Context, uuid string, to host.State, err error) error {
	if errors.Is(err, host.ErrOperationInvalid) {
		if state, stateErr := h.DomainState(ctx, uuid); stateErr == nil && state == to {
			return nil
		}
	}
	return err
}

// UndefineDomain removes a domain's definition and what belongs to it: managed
// save image, metadata of snapshots and checkpoints, NVRAM. Disks stay. A domain
// that is running goes on running and vanishes when it stops.
func (h *Host) UndefineDomain(ctx context.Context, uuid string) error {
	return h.change(ctx, "undefining", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainUndefineFlags(ref, undefineFlags)
	})
}

// SetAutostart sets whether a domain starts with its host.
func (h *Host) SetAutostart(ctx context.Context, uuid string, autostart bool) error {
	return h.change(ctx, "setting autostart of", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		var value int32
		if autostart {
			value = 1
		}
		return l.DomainSetAutostart(ref, value)
	})
}

// ResizeDomainDisk grows a disk of a running domain, named by its target ("vda"),
// to a number of bytes; the guest sees it at once. A domain that is not running
// gives host.ErrOperationInvalid: use ResizeVolume.
func (h *Host) ResizeDomainDisk(ctx context.Context, uuid, target string, bytes uint64) error {
	return h.change(ctx, "resizing disk "+target+" of", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainBlockResize(ref, target, bytes, libvirt.DomainBlockResizeBytes)
	})
}

// RenameDomain gives a domain that is off another name; host.ErrExists where another
// domain has it.
func (h *Host) RenameDomain(ctx context.Context, uuid, name string) error {
	err := h.change(ctx, "renaming", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		_, err := l.DomainRename(ref, libvirt.OptString{name}, 0)
		return err
	})
	if err == nil {
		return nil
	}
	if other, lookup := h.DomainByName(ctx, name); lookup == nil && other.UUID != uuid {
		return virterr.Fail("renaming", virterr.Domain(uuid), virterr.As(host.ErrExists, err))
	}
	return err
}

// DiscardSavedState removes what a managed save has kept of a domain's memory, so
// that it boots when it starts. None is no error.
func (h *Host) DiscardSavedState(ctx context.Context, uuid string) error {
	return h.change(ctx, "discarding the saved state of", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		saved, err := l.DomainHasManagedSaveImage(ref, 0)
		if err != nil || saved == 0 {
			return err
		}
		return l.DomainManagedSaveRemove(ref, 0)
	})
}

// RedefineDomain changes the named fields of a domain's definition and nothing
// else in it: whatever other people added stays. A running domain goes on with
// its old definition until it is powered off. Concurrent changes of the same
// domain overwrite each other.
func (h *Host) RedefineDomain(ctx context.Context, uuid string, change host.DomainChange) error {
	const op = "redefining"
	object := virterr.Domain(uuid)
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	// Without the secure flag, passwords would be missing and so be lost.
	old, err := rpc.Ask(ctx, h.Client, op, object, func(l *libvirt.Libvirt) (string, error) {
		return l.DomainGetXMLDesc(ref, libvirt.DomainXMLInactive|libvirt.DomainXMLSecure)
	})
	if err != nil {
		return err
	}
	text, err := editDomain(old, change)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	_, err = h.defineXML(ctx, op, object, text, 0)
	return err
}

// HasSavedState tells whether a domain that is shut off would go on where its
// guest was: its disks are then as in a guest that runs.
func (h *Host) HasSavedState(ctx context.Context, uuid string) (saved bool, err error) {
	err = h.query(ctx, "reading the state of", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		n, err := l.DomainHasManagedSaveImage(ref, 0)
		saved = n != 0
		return err
	})
	return saved, err
}

// change makes one request that changes a domain.
func (h *Host) change(ctx context.Context, op, uuid string, fn func(*libvirt.Libvirt, libvirt.Domain) error) error {
	return h.onDomain(ctx, op, uuid, false, fn)
}

// query makes one request that only reads about a domain.
func (h *Host) query(ctx context.Context, op, uuid string, fn func(*libvirt.Libvirt, libvirt.Domain) error) error {
	return h.onDomain(ctx, op, uuid, true, fn)
}

func (h *Host) onDomain(ctx context.Context, op, uuid string, readonly bool, fn func(*libvirt.Libvirt, libvirt.Domain) error) error {
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail(op, virterr.Domain(uuid), err)
	}
	return h.Call(ctx, op, virterr.Domain(uuid), readonly, func(l *libvirt.Libvirt) error { return fn(l, ref) })
}
