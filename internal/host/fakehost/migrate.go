package fakehost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// between is held by a goroutine that holds the locks of two hosts.
var between sync.Mutex

// passage is a guest on its way, as both of its hosts know it.
type passage struct {
	from, to *driver
	uuid     string
	how      host.Migration
	dest     savedDomain // the guest on the other host
	over     chan struct{}
	err      error // once it is over
	done     bool
}

// RunningDefinition is host.Migrator.RunningDefinition.
func (h migratorRequests) RunningDefinition(ctx context.Context, uuid string) (text string, err error) {
	err = h.onGuest(ctx, "RunningDefinition", uuid, func(d *domain) error {
		definition, err := json.Marshal(savedDomain{d.describe(), d.console})
		text = string(definition)
		return err
	})
	return text, err
}

// Unable is host.Migrator.Unable: the host says what its field of the same name says.
func (h migratorRequests) Unable(ctx context.Context, running string) (why string, err error) {
	err = h.do(ctx, "Unable", "", func() error {
		if h.CannotRun != nil {
			why = h.CannotRun(running)
		}
		return nil
	})
	return why, err
}

// Migrate is host.Migrator.Migrate. The guest is there after the host's MigrationTime.
func (h migratorRequests) Migrate(ctx context.Context, uuid string, m host.Migration) error {
	var p *passage
	err := h.onGuest(ctx, "Migrate", uuid, func(d *domain) (err error) {
		p, err = h.depart(d, m)
		return err
	})
	if err != nil { // even if only the answer is lost
		return err
	}
	select {
	case <-p.over:
		err = p.err
	case <-ctx.Done():
		if aborted := h.AbortMigration(context.WithoutCancel(ctx), uuid); aborted == nil {
			<-p.over
		}
		err = context.Cause(ctx)
	}
	if err != nil {
		err = &host.Error{Op: "Migrate", Object: uuid, Err: err}
	}
	return err
}

// depart begins a migration.
func (h *driver) depart(d *domain, m host.Migration) (*passage, error) {
	other, reached := h.Peers[m.To.URI]
	switch {
	case d.passage != nil:
		return nil, host.ErrOperationInvalid
	case !reached:
		return nil, fmt.Errorf("cannot connect to %s", m.To.URI)
	}
	p := &passage{from: h, to: other.machines, uuid: d.UUID, how: m, over: make(chan struct{})}
	p.dest = savedDomain{d.describe(), d.console}
	if err := p.dest.moveTo(m.Relocation); err != nil {
		return nil, err
	}
	d.passage = p
	time.AfterFunc(0, p.prepare)
	time.AfterFunc(h.MigrationTime, p.arrive)
	return p, nil
}

// both calls do with the locks of both hosts, unless the passage is over.
func (p *passage) both(do func() error) {
	between.Lock()
	defer between.Unlock()
	p.from.mu.Lock()
	defer p.from.mu.Unlock()
	p.to.mu.Lock()
	defer p.to.mu.Unlock()
	if !p.done {
		if err := do(); err != nil {
			p.end(err)
		}
	}
}

// end ends the passage, with an error if the guest stays.
func (p *passage) end(err error) {
	if d := p.from.domains[p.uuid]; d != nil {
		d.passage = nil
	}
	if d := p.to.domains[p.uuid]; d != nil && d.halted {
		d.halted = false
		d.powerOff()
	}
	p.done, p.err = true, err
	close(p.over)
}

// prepare makes the other host ready for the guest.
func (p *passage) prepare() {
	p.both(func() error {
		d := p.to.domains[p.uuid]
		if d == nil || d.live != nil || d.Name != p.how.Name {
			return errors.New("the other host does not have the domain, or it runs there")
		}
		for _, disk := range p.dest.Disks {
			v := p.to.at(disk.Path)
			if v == nil && !disk.CDROM {
				return fmt.Errorf("the other host has no %s", disk.Path)
			}
			if !slices.Contains(p.how.Disks, disk.Target) {
				continue
			}
			if _, size := v.probed(); size < p.sizeOf(disk.Target) {
				return fmt.Errorf("%s has only %d bytes", disk.Path, size)
			}
		}
		d.live, d.started, d.State, d.halted = d.hardware(), d.allotment(), host.StatePaused, true
		return nil
	})
}

// source is the volume of a disk on the host that the guest comes from.
func (p *passage) source(target string) *volume {
	for _, disk := range p.from.domains[p.uuid].Disks {
		if disk.Target == target {
			return p.from.at(disk.Path)
		}
	}
	return nil
}

func (p *passage) sizeOf(target string) uint64 {
	v := p.source(target)
	if v == nil {
		return 0
	}
	_, size := v.probed()
	return size
}

// arrive lets the guest run on the other host.
func (p *passage) arrive() {
	p.both(func() error {
		from, to := p.from.domains[p.uuid], p.to.domains[p.uuid]
		if from == nil || from.live == nil || to == nil || !to.halted {
			return errors.New("the guest is gone")
		}
		for _, disk := range p.dest.Disks {
			if v := p.to.at(disk.Path); slices.Contains(p.how.Disks, disk.Target) {
				if v == nil || p.source(disk.Target) == nil {
					return fmt.Errorf("%s is gone", disk.Path)
				}
				v.mirror(p.source(disk.Target))
			}
		}
		to.Metadata, to.State, to.halted = p.how.Metadata, from.State, false
		to.leases, to.sent, to.started = from.leases, from.sent, from.started
		from.powerOff()
		from.left = true
		p.end(nil)
		return nil
	})
}

// mirror takes over what a guest has written to another volume.
func (v *volume) mirror(from *volume) {
	const header = 64 << 10
	v.data = v.content()
	if format, _ := v.probed(); format == "raw" {
		v.data = from.bytes()
	} else if all := from.content(); len(all) > header {
		v.write(all[header:], header)
	}
	v.modified = time.Now().UTC()
}

// Passage is host.Migrator.Passage.
func (h migratorRequests) Passage(ctx context.Context, uuid string) (p host.Passage, err error) {
	err = h.onDomain(ctx, "Passage", uuid, func(d *domain) error {
		on := d.live != nil
		p = host.Passage{State: d.State, Sending: on && d.passage != nil, Halted: d.halted, Left: !on && d.left}
		return nil
	})
	return p, err
}

// AbortMigration is host.Migrator.AbortMigration.
func (h migratorRequests) AbortMigration(ctx context.Context, uuid string) error {
	var p *passage
	err := h.onDomain(ctx, "AbortMigration", uuid, func(d *domain) error {
		if p = d.passage; p == nil {
			return host.ErrOperationInvalid
		}
		return nil
	})
	if p != nil {
		p.both(func() error { return errors.New("it was given up") })
	}
	return err
}

// Interrupt ends the migration of a guest of this host, as the crash of a daemon does. It is no request.
func (h *Host) Interrupt(uuid string) {
	h.mu.Lock()
	var p *passage
	if d := h.machines.domains[uuid]; d != nil {
		p = d.passage
	}
	h.mu.Unlock()
	if p != nil {
		p.both(func() error { return fmt.Errorf("%w: its daemon crashed", host.ErrUnreachable) })
	}
}

// Forget makes the host forget why its domains are off, as a restart of its daemon does.
func (h *Host) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.machines.domains {
		d.left = false
	}
}
