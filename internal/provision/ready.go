package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// ReadinessError says which condition an instance did not meet, and what is known of why.
type ReadinessError struct {
	Instance  string
	Condition string
	Waited    time.Duration
	LastSeen  string // the last state seen, for example "no lease yet"
	Console   string // the last lines of the guest's console, "" where there are none
	Err       error
}

func (e *ReadinessError) Error() string {
	text := e.cause()
	if e.Console != "" {
		text += "\n\nThe end of the guest's console:\n" + e.Console
	}
	return text + "\n\nA longer time is set by timeouts, other conditions by wait_for."
}

// cause is the error without what the guest itself has written, which is not for keeping.
func (e *ReadinessError) cause() string {
	text := fmt.Sprintf("instance %q was not ready: condition %q was not met after %s; last seen: %s",
		e.Instance, e.Condition, e.Waited.Round(time.Second), e.LastSeen)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *ReadinessError) Unwrap() error { return e.Err }

// cause is the text of an error to keep.
func cause(err error) string {
	if unready := (*ReadinessError)(nil); errors.As(err, &unready) {
		return unready.cause()
	}
	return err.Error()
}

// condition asks once whether an instance meets it. seen describes what there is instead; a final error means that
// waiting on is no use.
type condition func(ctx context.Context) (met bool, seen string, final error)

// awaitReady waits for the conditions, one after the other, as long as ctx allows. Whoever waits for anything also waits
// for a customization that this start carries out: nobody else would hear that it failed.
func (p *Provisioner) awaitReady(ctx context.Context, i Instance, conditions []string, customizes bool) error {
	for _, c := range []struct {
		name   string
		wanted bool
		check  condition
	}{
		{WaitIP, slices.Contains(conditions, WaitIP), func(ctx context.Context) (bool, string, error) { return p.hasAddress(ctx, i) }},
		{WaitAgent, slices.Contains(conditions, WaitAgent), func(ctx context.Context) (bool, string, error) { return p.agentAnswers(ctx, i) }},
		// Before cloud-init's own status, which says less of what failed.
		{"customization", customizes && len(conditions) > 0, p.customized(i)},
		{WaitCloudInit, slices.Contains(conditions, WaitCloudInit), func(ctx context.Context) (bool, string, error) { return p.cloudInitDone(ctx, i) }},
	} {
		if !c.wanted {
			continue
		}
		if err := p.await(ctx, i, c.name, c.check); err != nil {
			return err
		}
	}
	return nil
}

// Between two looks passes a little longer each time, up to pollMax; see nextLook.
const (
	pollMin = 100 * time.Millisecond
	pollMax = time.Second
	busyMax = 10 * time.Second
)

// nextLook is how long passes after a look that took that long: twice as long, up to busyMax, since a guest that answers slowly is
// busy with what is being waited for.
func nextLook(wait, took time.Duration) time.Duration { return max(wait, min(2*took, busyMax)) }

func (p *Provisioner) await(ctx context.Context, i Instance, name string, check condition) error {
	started, wait := time.Now(), pollMin
	seen := "nothing"
	for {
		begun := time.Now()
		met, now, final := check(ctx)
		took := time.Since(begun)
		if met {
			return nil
		}
		if now != "" && ctx.Err() == nil {
			seen = now
		}
		if final == nil && ctx.Err() == nil {
			final = p.stillRuns(ctx, i)
		}
		if err := ctx.Err(); err != nil || final != nil {
			if errors.Is(err, context.Canceled) {
				return err
			}
			return &ReadinessError{
				Instance: i.Facts.Name, Condition: name, Waited: time.Since(started), LastSeen: seen,
				Console: p.consoleTail(ctx, i), Err: final,
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(nextLook(wait, took)):
			wait = min(wait*5/4, pollMax)
		}
	}
}

// stillRuns is an error when the guest is off, so that nobody waits for it in vain.
func (p *Provisioner) stillRuns(ctx context.Context, i Instance) error {
	state, err := p.host.DomainState(ctx, i.UUID)
	if errors.Is(err, hypervisor.ErrNoDomain) {
		return fmt.Errorf("somebody removed it: %w", err)
	}
	if err == nil && (state == hypervisor.StateShutoff || state == hypervisor.StateCrashed) {
		return fmt.Errorf("the guest is %s", state)
	}
	return nil
}

// hasAddress tells whether the guest is seen to have an address. A static one is in no lease, and without an agent the
// guest could have it for ever without being seen: there it counts that the guest sends, which it does as soon as it has
// brought the interface up.
func (p *Provisioner) hasAddress(ctx context.Context, i Instance) (bool, string, error) {
	seen, err := p.seen(ctx, i, hypervisor.AddressLease, hypervisor.AddressAgent)
	if err != nil {
		return false, err.Error(), nil
	}
	if len(seen) > 0 {
		return true, "", nil
	}
	for _, nic := range i.NICs {
		if !isStatic(nic) {
			continue
		}
		packets, err := p.host.Sent(ctx, i.UUID, nic.MAC)
		if err != nil {
			return false, err.Error(), nil
		}
		if packets > 0 {
			return true, "", nil
		}
	}
	if slices.ContainsFunc(i.NICs, isStatic) {
		return false, "no address from a guest agent, and nothing sent from an interface with a static address", nil
	}
	return false, "no DHCP lease, and no address from a guest agent", nil
}

func (p *Provisioner) agentAnswers(ctx context.Context, i Instance) (bool, string, error) {
	if err := p.agent(i.UUID).Ping(ctx); err != nil {
		return false, err.Error(), nil
	}
	return true, "", nil
}

func (p *Provisioner) cloudInitDone(ctx context.Context, i Instance) (bool, string, error) {
	c, err := p.agent(i.UUID).CloudInitStatus(ctx)
	if errors.Is(err, guest.ErrNoCloudInit) {
		return false, "a guest without cloud-init", err
	}
	if err != nil {
		return false, err.Error(), nil
	}
	seen := "cloud-init is " + string(c.Status)
	switch c.Status {
	case guest.CloudInitDone, guest.CloudInitDegraded:
		return true, seen, nil
	case guest.CloudInitError:
		return false, seen, fmt.Errorf("cloud-init failed in stage %s: %s", c.FailedStage, strings.Join(c.Errors, "; "))
	case guest.CloudInitDisabled:
		return false, seen, fmt.Errorf("cloud-init is disabled in the image: %s", c.Detail)
	}
	return false, seen, nil
}

// consoleLines is how much of the console an error shows.
const consoleLines = 20

// consoleTail is the end of what the guest has written to its serial console.
func (p *Provisioner) consoleTail(ctx context.Context, i Instance) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	console, err := p.console(ctx, i)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(console), "\n")
	return strings.Join(lines[max(0, len(lines)-consoleLines):], "\n")
}

// console is what the guest has written to its serial console since it was started.
func (p *Provisioner) console(ctx context.Context, i Instance) (string, error) {
	data, err := p.host.ReadVolume(ctx, p.library.Pool(), consoleVolume(i.Facts.Tenant, i.Facts.Name), 8<<20)
	return printable(data), err
}

// printable drops what would move a reader's cursor.
func printable(data []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && r != 0xfffd {
			return r
		}
		return -1
	}, string(data))
}

// agentOf sends commands to the guest agent of one domain.
type agentOf struct {
	host *hypervisor.Host
	uuid string
}

// AgentCommand implements guest.Transport.
func (a agentOf) AgentCommand(ctx context.Context, command string, timeout time.Duration) (string, error) {
	return a.host.AgentCommand(ctx, a.uuid, command, timeout)
}
