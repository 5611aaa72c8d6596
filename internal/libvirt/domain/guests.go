package domain

import (
	"context"
	"fmt"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// DomainAddresses returns the addresses of a running domain that source knows. It is not an error
// if there are none yet. If the domain is not running, it returns host.ErrOperationInvalid; if the
// source is AddressAgent and there is no agent, host.ErrAgentUnresponsive.
func (g *Guests) DomainAddresses(ctx context.Context, uuid string, source host.AddressSource) ([]host.Address, error) {
	const op = "reading addresses of"
	var found []libvirt.DomainInterface
	fetch := func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		got, err := l.DomainInterfaceAddresses(ref, uint32(source), 0)
		if err == nil {
			found = got
		}
		return err
	}
	var err error
	if source == host.AddressAgent {
		err = g.agents.call(ctx, op, uuid, 0, fetch)
	} else {
		err = query(ctx, g.client, op, uuid, fetch)
	}
	if err != nil {
		return nil, err
	}
	var addresses []host.Address
	for _, nic := range found {
		for _, a := range nic.Addrs {
			address := host.Address{IP: a.Addr, Prefix: int(a.Prefix), Interface: nic.Name}
			if len(nic.Hwaddr) > 0 {
				address.MAC = nic.Hwaddr[0]
			}
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}

// Sent returns the number of packets that a running domain has sent from the interface with that
// MAC address. If the domain is not running, it returns host.ErrOperationInvalid.
func (g *Guests) Sent(ctx context.Context, uuid, mac string) (packets int64, err error) {
	err = query(ctx, g.client, "reading the packets sent by "+mac+" of", uuid,
		func(l *libvirt.Libvirt, ref libvirt.Domain) error {
			_, _, _, _, _, sent, _, _, err := l.DomainInterfaceStats(ref, mac)
			if err == nil {
				packets = sent
			}
			return err
		})
	return packets, err
}

// AgentCommand sends a command, a JSON object as in QEMU's guest agent protocol
// (https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html), to the guest agent and returns
// its JSON answer. timeout is how long the guest may take, in whole seconds and at least one. If
// there is no agent, or it does not answer, AgentCommand returns host.ErrAgentUnresponsive; if the
// domain has no agent channel, host.ErrUnsupported.
//
// A command holds a worker of libvirtd while it runs, and at most five run at a time: start long
// commands with guest-exec and ask for their end.
func (g *Guests) AgentCommand(ctx context.Context, uuid, command string, timeout time.Duration) (string, error) {
	seconds := max(int32(timeout/time.Second), 1)
	var answer libvirt.OptString
	err := g.agents.call(ctx, "asking the guest agent of", uuid, time.Duration(seconds)*time.Second,
		func(l *libvirt.Libvirt, ref libvirt.Domain) error {
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
		return "", virterr.Fail("asking the guest agent of", virterr.Domain(uuid),
			fmt.Errorf("%w: it gave an empty answer", host.ErrAgentUnresponsive))
	}
	return answer[0], nil
}

// CPUTime returns how long a running domain has used processors, with one request. If the domain is
// not running, it returns host.ErrOperationInvalid.
func (g *Guests) CPUTime(ctx context.Context, uuid string) (used time.Duration, err error) {
	const op = "reading the processor time of"
	err = query(ctx, g.client, op, uuid, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		state, _, _, _, nanoseconds, err := l.DomainGetInfo(ref)
		if err == nil && stateOf(int32(state)) == host.StateShutoff {
			return host.ErrOperationInvalid
		}
		used = time.Duration(nanoseconds)
		return err
	})
	return used, err
}
