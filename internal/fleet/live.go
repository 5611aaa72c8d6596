package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// A live move is a move whose guest runs on. Its hosts carry it out, also without the process that asked for
// it. So the guest itself is the commit: once the hosts are done, it runs on one of them, and the placement
// is told so. Everything else is as for other moves. A process that finds the live move of a dead one waits as
// long as the hosts are at it.

const (
	// lookEvery is how often the hosts of a live move are asked.
	lookEvery = time.Second
	// undecided is how long two hosts may say that neither of them runs the guest, and that neither is done.
	undecided = 2 * time.Minute
)

// takes returns why a member cannot get a guest that is moved there from another member while it runs: a
// *provision.VacantError.
func (m *Member) takes(ctx context.Context, c provision.Cargo, from *Member) error {
	if m.Peer.URI == "" {
		return &provision.VacantError{Why: "the provider's configuration has no peer for it, by which other hosts " +
			"reach it"}
	}
	if shared, err := m.Shares(ctx, c, from.Name); err != nil {
		return err
	} else if shared { // the hosts would copy each disk to itself
		return &provision.VacantError{Why: "it shares the guest's storage pool, and guests are only moved while they " +
			"run to hosts with a pool of their own"}
	}
	return m.Runs(ctx, c)
}

// unliving is the finding that no host can get a guest that is to be moved while it runs.
func unliving(name string, refused []Refusal) error {
	return finding.List{{Path: finding.At("on_host_change"), Summary: "Guest cannot be moved while it runs",
		Detail: fmt.Sprintf("The guest of instance %q cannot be moved to another host while it runs:%s\nOr let the "+
			"move shut it down (on_host_change = \"move\").", name, lines(refused))}}
}

// living are the candidates that can get a guest that is moved there from a member while it runs. It is an
// error if there are candidates, and none of them can.
func (o offers) living(ctx context.Context, c provision.Cargo, from *Member) (offers, error) {
	able, err := o.suiting(ctx, func(ctx context.Context, m *Member) error { return m.takes(ctx, c, from) })
	if err == nil && len(able.fit) == 0 && len(o.fit) > 0 {
		err = unliving(c.Instance.Facts.Name, slices.Clone(able.refused))
	}
	return able, err
}

// send has the hosts move the guest, while it runs.
func (m *move) send(ctx context.Context) error {
	if err := m.to.Receive(ctx, m.cargo, m.from.Provisioner); err != nil {
		return err
	}
	err := m.from.Depart(ctx, m.cargo, m.from.Name, m.to.Provisioner, m.to.Peer)
	if err != nil && ctx.Err() != nil { // then Depart has had it given up
		return err
	}
	// After an error, only the answer may be lost, and the hosts still be at it. After a success, they have to
	// say the same: what is on the old host is about to be removed.
	there, unsure := m.fleet.landed(ctx, m.record.Value)
	switch {
	case unsure != nil:
		return errors.Join(err, unsure)
	case !there:
		return cmp.Or(err, wrap(m.record.Value, errors.New("it did not get there")))
	}
	return nil
}

// landed waits until one host has the guest of a live move for certain, and reports whether that is the one
// that it was to move to. It has the hosts give the move up if they do not get on.
func (f *Fleet) landed(ctx context.Context, p catalog.Placement) (there bool, err error) {
	from, to, err := f.ends(p)
	if err != nil {
		return false, err
	}
	var sent uint64
	progress := time.Now()
	for {
		// This order matters: once the host that the guest comes from is done, the answers of both stay as
		// they are.
		was, _, err := from.passage(ctx, p.UUID)
		gone := isLost(err) // then the host has sent all that it ever will
		if gone {
			was, err = host.Passage{State: host.StateShutoff}, nil
		}
		if err != nil {
			return false, err
		}
		switch {
		case was.Sending && was.Sent != sent:
			sent, progress = was.Sent, time.Now()
		case was.Sending && time.Since(progress) > host.StallTime:
			if err := from.GiveUp(ctx, p.UUID); err != nil {
				return false, err
			}
			progress = time.Now()
		case !was.Sending:
			is, arrived, err := to.passage(ctx, p.UUID)
			if err != nil || gone && is.Halted {
				return false, unlessLost(err) // what it has left on its old host is all that there is
			}
			there, sure, err := landing(was, is, arrived)
			if sure || err != nil {
				return there, wrap(p, err)
			}
			if time.Since(progress) > undecided {
				return false, wrap(p, errors.New("neither of its hosts runs it, and neither gives it up"))
			}
		}
		if err := kind.Pause(ctx, lookEvery); err != nil {
			return false, err
		}
	}
}

// landing decides by what two hosts say, of which the first does not send the guest any more. sure is false
// if they are not done.
func landing(from, to host.Passage, arrived bool) (there, sure bool, err error) {
	running := func(p host.Passage) bool { return p.State != host.StateShutoff && !p.Halted }
	switch {
	case running(from) && running(to):
		return false, true, errors.New("it runs on both hosts: switch it off on one of them (virsh destroy)")
	case running(from):
		return false, true, nil
	case arrived && !to.Halted: // and perhaps it has been switched off since
		return true, true, nil
	case to.Halted:
		return false, false, nil
	case running(to):
		return false, true, errors.New("the domain on the new host was started by other means, and lacks what the " +
			"guest has: switch it off there (virsh destroy)")
	case from.Left:
		return false, true, errors.New("another host has it")
	}
	return false, true, nil
}

// wrap says of which instance an error is.
func wrap(p catalog.Placement, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the guest of instance %q was being moved from host %s to host %s: %w", p.Name, p.From, p.To, err)
}

// ends are the members between which an instance moves.
func (f *Fleet) ends(p catalog.Placement) (from, to *Member, err error) {
	from, hasFrom := f.Member(p.From)
	to, hasTo := f.Member(p.To)
	if !hasFrom || !hasTo {
		return nil, nil, f.lacksEnd(p)
	}
	return from, to, nil
}

// passage asks the host what a guest does there that moves.
func (m *Member) passage(ctx context.Context, uuid string) (at host.Passage, arrived bool, err error) {
	err = m.silence.ask(func() (err error) { at, arrived, err = m.Passage(ctx, uuid); return err })
	return at, arrived, err
}

// arrived records, once the hosts of a live move are done, which of them has the guest.
func (f *Fleet) arrived(
	ctx context.Context, rec catalog.Record[catalog.Placement],
) (catalog.Record[catalog.Placement], error) {
	p := rec.Value
	if !p.Live || p.Host != p.From {
		return rec, nil
	}
	there, err := f.landed(ctx, p)
	if err != nil {
		return rec, err
	}
	if !there {
		from, _ := f.Member(p.From)
		return rec, unlessLost(from.silence.ask(func() error { return from.Stay(ctx, p.UUID) }))
	}
	p.Host = p.To
	written, err := f.placements.Replace(ctx, rec.Key, rec.Revision, p)
	if err != nil {
		return rec, err
	}
	return written, nil
}

// sending reports whether the hosts of a live move are at it.
func (f *Fleet) sending(ctx context.Context, p catalog.Placement) bool {
	from, known := f.Member(p.From)
	if !known || !p.Live {
		return false
	}
	at, _, err := from.passage(ctx, p.UUID)
	return err == nil && at.Sending
}
