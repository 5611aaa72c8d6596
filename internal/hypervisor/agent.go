package hypervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// AgentCommand sends a command, a JSON object as in QEMU's guest agent protocol
// (https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html), to the guest
// agent and returns its JSON answer. timeout is how long the guest may take, in
// whole seconds and at least one. No agent, or none that answers, gives
// host.ErrAgentUnresponsive; a domain without an agent channel host.ErrUnsupported.
//
// A command holds a worker of libvirtd while it runs, and at most five run at a
// time: start what takes long with guest-exec and ask for its end.
func (h *Host) AgentCommand(ctx context.Context, uuid, command string, timeout time.Duration) (string, error) {
	seconds := max(int32(timeout/time.Second), 1)
	var answer libvirt.OptString
	err := h.callAgent(ctx, "asking the guest agent of", uuid, time.Duration(seconds)*time.Second, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		got, err := l.QEMUDomainAgentCommand(ref, command, seconds, 0)
		if err == nil {
			answer = got
		}
		return err
	})
	if err != nil {
		return "", err
	}
	if len(answer) == 0 {
		return "", virterr.Fail("asking the guest agent of", virterr.Domain(uuid), fmt.Errorf("%w: it gave an empty answer", host.ErrAgentUnresponsive))
	}
	return answer[0], nil
}

func (h *Host) shutdownByAgent(ctx context.Context, uuid string) error {
	err := h.callAgent(ctx, "shutting down", uuid, 0, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainShutdownFlags(ref, libvirt.DomainShutdownGuestAgent)
	})
	return h.forgive(ctx, uuid, host.StateShutoff, err)
}

// callAgent makes a request that waits for a guest agent, on the connection kept
// for such requests. The time spent waiting for a slot does not count.
func (h *Host) callAgent(ctx context.Context, op, uuid string, extra time.Duration, fn func(*libvirt.Libvirt, libvirt.Domain) error) error {
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail(op, virterr.Domain(uuid), err)
	}
	select {
	case h.agentSlot <- struct{}{}:
		defer func() { <-h.agentSlot }()
	case <-ctx.Done():
		return virterr.Fail(op, virterr.Domain(uuid), ctx.Err())
	}
	r := rpc.Request{Op: op, Object: virterr.Domain(uuid), Limit: h.CallTimeout() + extra}
	return h.Agent.Call(ctx, r, func(l *libvirt.Libvirt) error { return fn(l, ref) })
}
