// Package readiness waits for guests of virtual machines, by what is seen of them from outside, by
// the answers of their agents, and by their reports on their consoles.
package readiness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
)

// Host is what waiting for guests needs of a host.
type Host interface {
	host.Guests
	logs
	DomainState(ctx context.Context, uuid string) (host.State, error)
}

// Waiter waits for the guests of one host.
type Waiter struct {
	host     Host
	networks *network.Networks
	pool     string
}

// NewWaiter creates the Waiter of a host. pool has the guests' consoles.
func NewWaiter(h Host, n *network.Networks, pool string) *Waiter {
	return &Waiter{host: h, networks: n, pool: pool}
}

// condition asks once whether an instance meets it.
type condition func(ctx context.Context) sight

// sight is what a condition saw.
type sight struct {
	met    bool
	seen   string // what there is instead
	final  error  // further waiting is useless
	advice string // what helps if it is not met in the end; "" for more time, or other conditions
	of     string // the condition that final is about; "" for the one that was asked
}

// Await waits for the conditions, one after the other, as long as ctx allows. old are the leases
// from before the guest was started. If this start is the guest's first boot, Await also waits for
// its report, unless the conditions say otherwise: no other call would hear what failed. A report
// of a failure ends the wait at once.
func (w *Waiter) Await(
	ctx context.Context, i kind.Instance, old network.OldLeases, conditions []string, reports bool,
) error {
	reports = reports && kind.AwaitsReport(conditions)
	first := w.firstBoot(i)
	watched := func(check condition) condition {
		if reports {
			return first.unlessFailed(check)
		}
		return check
	}
	for _, c := range []struct {
		name   string
		wanted bool
		check  condition
	}{
		{kind.WaitIP, slices.Contains(conditions, kind.WaitIP),
			watched(func(ctx context.Context) sight { return w.hasAddress(ctx, i, old) })},
		{kind.WaitAgent, slices.Contains(conditions, kind.WaitAgent),
			watched(func(ctx context.Context) sight { return w.agentAnswers(ctx, i) })},
		// Before cloud-init's own status, which says less about what failed.
		{first.name, reports, first.reported},
		{kind.WaitCloudInit, slices.Contains(conditions, kind.WaitCloudInit),
			func(ctx context.Context) sight { return w.cloudInitDone(ctx, i) }},
	} {
		if !c.wanted {
			continue
		}
		if err := w.await(ctx, i, c.name, c.check); err != nil {
			return err
		}
	}
	return nil
}

// The time between two looks gets a little longer each time, up to pollMax; see nextLook.
const (
	pollMax = time.Second
	busyMax = 10 * time.Second
)

// nextLook is how long to wait after a look that took that long: twice as long, up to busyMax,
// because a guest that answers slowly is busy with what is being waited for.
func nextLook(wait, took time.Duration) time.Duration { return max(wait, min(2*took, busyMax)) }

func (w *Waiter) await(ctx context.Context, i kind.Instance, name string, check condition) error {
	started, wait := time.Now(), kind.Poll
	last := sight{seen: "nothing"}
	for {
		begun := time.Now()
		now := check(ctx)
		took := time.Since(begun)
		if now.met {
			return nil
		}
		if now.seen != "" && ctx.Err() == nil {
			last = now
		}
		final := now.final
		if final == nil && ctx.Err() == nil {
			if final = w.stillRuns(ctx, i); final != nil {
				// What the guest did last it may have done since the look.
				if now = check(ctx); now.met {
					return nil
				} else if now.final != nil {
					last, final = now, now.final
				} else {
					last.advice = adviceOff
				}
			}
		}
		if err := ctx.Err(); err != nil || final != nil {
			if errors.Is(err, context.Canceled) {
				return err
			}
			return &Error{
				Instance:  i.Facts.Name,
				Condition: cmp.Or(last.of, name),
				Waited:    time.Since(started),
				LastSeen:  last.seen,
				Console:   w.consoleTail(ctx, i),
				Advice:    last.advice,
				Err:       final,
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(nextLook(wait, took)):
			wait = min(wait*5/4, pollMax)
		}
	}
}

// stillRuns is an error when the guest is off, so that the wait for it ends.
func (w *Waiter) stillRuns(ctx context.Context, i kind.Instance) error {
	state, err := w.host.DomainState(ctx, i.UUID)
	if errors.Is(err, host.ErrNoDomain) {
		return fmt.Errorf("its domain was removed: %w", err)
	}
	if err == nil && (state == host.StateShutoff || state == host.StateCrashed) {
		return fmt.Errorf("the guest is %s", state)
	}
	return nil
}

// hasAddress reports whether the guest is seen to have an address, by what was seen since it was
// started. A static address is in no lease, and without an agent the guest could have it for ever
// without being seen. There the sign is that the guest sends, which it does as soon as it has
// brought the interface up.
func (w *Waiter) hasAddress(ctx context.Context, i kind.Instance, old network.OldLeases) sight {
	leased, err := w.networks.Seen(ctx, i.UUID, i.NICs, host.AddressLease)
	if err != nil {
		return sight{seen: err.Error()}
	}
	fresh, err := w.networks.Renewed(ctx, i.UUID, i.NICs, old, leased)
	if err != nil {
		return sight{seen: err.Error()}
	}
	if fresh {
		return sight{met: true}
	}
	told, err := w.networks.Seen(ctx, i.UUID, i.NICs, host.AddressAgent)
	if err != nil {
		return sight{seen: err.Error()}
	}
	if len(told) > 0 {
		return sight{met: true}
	}
	for _, nic := range i.NICs {
		if !network.IsStatic(nic) {
			continue
		}
		packets, err := w.host.Sent(ctx, i.UUID, nic.MAC)
		if err != nil {
			return sight{seen: err.Error()}
		}
		if packets > 0 {
			return sight{met: true}
		}
	}
	switch {
	case slices.ContainsFunc(i.NICs, network.IsStatic):
		return sight{seen: "no address from a guest agent, and nothing sent from an interface with a static address"}
	case len(leased) > 0:
		return sight{seen: "the DHCP lease from before the start, which the guest has not renewed, and no " +
			"address from a guest agent"}
	}
	return sight{seen: "no DHCP lease, and no address from a guest agent"}
}

func (w *Waiter) agentAnswers(ctx context.Context, i kind.Instance) sight {
	if err := w.Agent(i.UUID).Ping(ctx); err != nil {
		return sight{seen: err.Error(), advice: adviceNoAgent}
	}
	return sight{met: true}
}

func (w *Waiter) cloudInitDone(ctx context.Context, i kind.Instance) sight {
	c, err := w.Agent(i.UUID).CloudInitStatus(ctx)
	if errors.Is(err, agent.ErrNoCloudInit) {
		return sight{seen: "a guest without cloud-init", final: err, advice: adviceNoCloudInit}
	}
	if err != nil {
		return sight{seen: err.Error(), advice: adviceNoAgent}
	}
	seen := "cloud-init is " + string(c.Status)
	switch c.Status {
	case agent.CloudInitDone, agent.CloudInitDegraded:
		return sight{met: true}
	case agent.CloudInitError:
		return sight{seen: seen, final: saidError(fmt.Sprintf("cloud-init failed in stage %s: %s", c.FailedStage,
			strings.Join(c.Errors, "; "))), advice: adviceFailed}
	case agent.CloudInitDisabled:
		return sight{seen: seen, final: fmt.Errorf("cloud-init is disabled in the image: %s", c.Detail),
			advice: adviceDisabled}
	}
	return sight{seen: seen}
}

// agentOf sends commands to the guest agent of one domain.
type agentOf struct {
	host host.Guests
	uuid string
}

// AgentCommand implements agent.Transport.
func (a agentOf) AgentCommand(ctx context.Context, command string, timeout time.Duration) (string, error) {
	return a.host.AgentCommand(ctx, a.uuid, command, timeout)
}

// Agent is the guest agent of a domain.
func (w *Waiter) Agent(uuid string) *agent.Agent { return AgentOf(w.host, uuid) }

// AgentOf is the guest agent of a domain of a host.
func AgentOf(h host.Guests, uuid string) *agent.Agent { return agent.New(agentOf{h, uuid}) }
