package domain

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

const (
	// watchEvery is how often a migration is looked at.
	watchEvery = time.Second
	// abortTime is how long a host may take to give a migration up, and to tell its caller.
	abortTime = 30 * time.Second
)

var errStalled = errors.New("the host has sent nothing")

// Migrator moves guests to other hosts while they run.
type Migrator struct{ client *rpc.Client }

// RunningDefinition returns what a guest is that runs, in the host's own words and for another host. It
// returns host.ErrOperationInvalid if the guest does not run. It makes two requests.
func (m *Migrator) RunningDefinition(ctx context.Context, uuid string) (string, error) {
	return askAbout(ctx, m.client, "reading", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) (string, error) {
		active, err := l.DomainIsActive(ref)
		if err == nil && active == 0 {
			err = host.ErrOperationInvalid
		}
		if err != nil {
			return "", err
		}
		return l.DomainGetXMLDesc(ref, libvirt.DomainXMLMigratable|libvirt.DomainXMLSecure)
	})
}

// askAbout makes a request that only reads a domain, and has a result.
func askAbout[T any](
	ctx context.Context, c *rpc.Client, op, uuid string, fn func(*libvirt.Libvirt, libvirt.Domain) (T, error),
) (T, error) {
	ref, err := domainRef(uuid)
	if err != nil {
		var none T
		return none, virterr.Fail(op, virterr.Domain(uuid), err)
	}
	return rpc.Ask(ctx, c, op, virterr.Domain(uuid), func(l *libvirt.Libvirt) (T, error) { return fn(l, ref) })
}

// guestDoc is the part of a domain's XML that says on what machine its guest runs.
type guestDoc struct {
	Type string `xml:"type,attr"`
	OS   struct {
		Type struct {
			Arch    string `xml:"arch,attr"`
			Machine string `xml:"machine,attr"`
		} `xml:"type"`
	} `xml:"os"`
}

// Unable returns why the host cannot run the guest that another host has described by RunningDefinition,
// because of its machine or the model of its processor: a phrase; "" if the host says nothing against
// it. It makes one request.
func (m *Migrator) Unable(ctx context.Context, running string) (why string, err error) {
	const op, object = "comparing", "the processor of a guest"
	e, err := newEditor(running)
	if err != nil {
		return "", virterr.Fail(op, object, err)
	}
	cpu, has := e.Child("cpu")
	if !has {
		return "", nil
	}
	var doc guestDoc
	if err := xml.Unmarshal([]byte(running), &doc); err != nil {
		return "", virterr.Fail(op, object, err)
	}
	machine := doc.OS.Type
	_, err = rpc.Ask(ctx, m.client, op, object, func(l *libvirt.Libvirt) (int32, error) {
		return l.ConnectCompareHypervisorCPU(nil, libvirt.OptString{machine.Arch}, libvirt.OptString{machine.Machine},
			libvirt.OptString{doc.Type}, e.Text[cpu.Start:cpu.End], uint32(libvirt.ConnectCompareCPUFailIncompatible))
	})
	answer, answered := errors.AsType[libvirt.Error](err)
	switch {
	case errors.Is(err, host.ErrUnsupported): // by this version of libvirt, or for this architecture
		return "", nil
	case answered:
		return answer.Message, nil
	}
	return "", err
}

// Migrate moves a guest that runs to another host; see host.Migrator.
func (m *Migrator) Migrate(ctx context.Context, uuid string, to host.Migration) error {
	const op = "moving"
	object := virterr.Domain(uuid)
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	running, err := m.RunningDefinition(ctx, uuid)
	if err != nil {
		return err
	}
	params, err := migrationParams(running, to)
	if err != nil {
		return virterr.Fail(op, object, err)
	}
	flags := libvirt.MigrateLive | libvirt.MigratePeer2peer | libvirt.MigratePersistDest |
		libvirt.MigrateAutoConverge | libvirt.MigrateAbortOnError
	if len(to.Disks) > 0 {
		flags |= libvirt.MigrateNonSharedInc
	}
	conn, err := m.client.Alone(ctx, op, object) // libvirt answers only when the guest has arrived
	if err != nil {
		return err
	}
	defer conn.Close()
	watched, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	go m.watch(watched, uuid, giveUp)
	return virterr.Fail(op, object, m.await(watched, uuid, conn, func(l *libvirt.Libvirt) error {
		_, err := l.DomainMigratePerform3Params(ref, libvirt.OptString{to.To.URI}, params, nil, flags)
		return err
	}))
}

// migrationParams are the parameters of a migration of a running guest.
func migrationParams(running string, to host.Migration) ([]libvirt.TypedParam, error) {
	guest, err := relocatedGuest(running, to.Relocation)
	if err != nil {
		return nil, err
	}
	e, err := newEditor(to.Definition)
	if err != nil {
		return nil, err
	}
	if err := e.setMetadata(to.Metadata); err != nil {
		return nil, err
	}
	var params []libvirt.TypedParam
	add := func(field, value string) {
		params = append(params, libvirt.TypedParam{Field: field, Value: *libvirt.NewTypedParamValueString(value)})
	}
	add(libvirt.MigrateParamDestXML, guest)
	add(libvirt.MigrateParamPersistXML, e.Result())
	if to.To.Data != "" {
		add(libvirt.MigrateParamURI, to.To.Data)
	}
	for _, target := range to.Disks {
		add(libvirt.MigrateParamMigrateDisks, target)
	}
	return params, nil
}

// relocatedGuest is the definition of a running guest as another host takes it. The firmware's files stay:
// the guest runs on with what is in its memory, and the host checks whether it has as much room for that.
func relocatedGuest(running string, r host.Relocation) (string, error) {
	e, err := newEditor(running)
	if err != nil {
		return "", err
	}
	for _, step := range []func() error{
		func() error { return e.setMetadata(r.Metadata) },
		func() error { return DropEmulator(e.Editor) },
		func() error { return e.moveDisks(r.Files) },
		func() error { return e.continueLogs(r.Files) },
	} {
		if err := step(); err != nil {
			return "", err
		}
	}
	return e.Result(), nil
}

// continueLogs replaces the logs of consoles. The new ones begin with what the guest has written so far.
func (e *editor) continueLogs(files map[string]string) error {
	return e.eachLog(func(log domainxml.Element) {
		if path, named := files[domainxml.Attr(log.Attrs, "file")]; named {
			log.Attrs = domainxml.WithAttr(log.Attrs, "append", "on")
			e.moveLog(log, path)
		} else {
			e.Drop(log)
		}
	})
}

// await makes the request of a migration. If ctx ends first, it has the host give the migration up, and
// waits for the host to say so.
func (m *Migrator) await(
	ctx context.Context, uuid string, conn *rpc.Conn, request func(*libvirt.Libvirt) error,
) error {
	whole, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	done := make(chan error, 1)
	go func() { done <- conn.Do(whole, nil, request) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(whole, abortTime)
	defer cancel()
	again := time.NewTicker(watchEvery)
	defer again.Stop()
	for {
		aborted := m.AbortMigration(grace, uuid) // which is refused before libvirt has begun
		select {
		case err := <-done:
			if err == nil { // it had arrived already
				return nil
			}
			return context.Cause(ctx)
		case <-grace.Done():
			return errors.Join(context.Cause(ctx), aborted)
		case <-again.C:
		}
	}
}

// watch gives a migration up that does not get on.
func (m *Migrator) watch(ctx context.Context, uuid string, giveUp context.CancelCauseFunc) {
	var sent uint64
	moved := time.Now()
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		p, err := m.Passage(ctx, uuid)
		if err != nil || p.Sent != sent || !p.Sending {
			sent, moved = p.Sent, time.Now()
		}
		if time.Since(moved) > host.StallTime {
			giveUp(fmt.Errorf("%w for %s", errStalled, host.StallTime))
			return
		}
	}
}

// Passage returns what a guest that is, or was, on its way between this host and another one does here,
// or host.ErrNoDomain. It makes two requests, one after the other: what is known once the host does not
// send the guest any more stays so.
func (m *Migrator) Passage(ctx context.Context, uuid string) (host.Passage, error) {
	const op = "reading the state of"
	return askAbout(ctx, m.client, op, uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) (host.Passage, error) {
		var p host.Passage
		kind, params, err := l.DomainGetJobStats(ref, 0)
		switch {
		case virterr.HasCode(err, libvirt.ErrOperationInvalid): // it is off
		case virterr.HasCode(err, libvirt.ErrOperationUnsupported): // it is coming
		case err != nil:
			return p, err
		default:
			p.Sending, p.Sent = sending(libvirt.DomainJobType(kind), params)
		}
		state, reason, err := l.DomainGetState(ref, 0)
		p.State = stateOf(state)
		switch p.State {
		case host.StatePaused:
			p.Halted = halts[libvirt.DomainPausedReason(reason)]
		case host.StateShutoff:
			p.Left = libvirt.DomainShutoffReason(reason) == libvirt.DomainShutoffMigrated
		}
		return p, err
	})
}

// halts are the reasons of a pause that a migration gives.
var halts = map[libvirt.DomainPausedReason]bool{
	libvirt.DomainPausedMigration: true, libvirt.DomainPausedPostcopy: true, libvirt.DomainPausedPostcopyFailed: true,
	libvirt.DomainPausedStartingUp: true,
}

// sending reads the statistics of a job.
func sending(kind libvirt.DomainJobType, params []libvirt.TypedParam) (is bool, bytes uint64) {
	if kind != libvirt.DomainJobBounded && kind != libvirt.DomainJobUnbounded {
		return false, 0
	}
	for _, p := range params {
		switch value := p.Value.I.(type) {
		case int32:
			if p.Field == libvirt.DomainJobOperationStr {
				is = libvirt.DomainJobOperation(value) == libvirt.DomainJobOperationStrMigrationOut
			}
		case uint64:
			if p.Field == libvirt.DomainJobDataProcessed {
				bytes = value
			}
		}
	}
	return is, bytes
}

// AbortMigration has this host give up sending a guest, which then goes on here. It returns
// host.ErrOperationInvalid if the host does not send it.
func (m *Migrator) AbortMigration(ctx context.Context, uuid string) error {
	return change(ctx, m.client, "giving up to move", uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainAbortJob(ref)
	})
}
