package fakehost

import (
	"context"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// DomainAddresses is host.Guests.DomainAddresses: guests have leases, and their agents, if they
// have any, report the same addresses.
func (h guestRequests) DomainAddresses(
	ctx context.Context, uuid string, source host.AddressSource,
) (found []host.Address, err error) {
	err = h.onGuest(ctx, "DomainAddresses", uuid, func(d *domain) error {
		if source == host.AddressAgent && h.Agent == nil {
			return host.ErrAgentUnresponsive
		}
		found = slices.Clone(d.leases)
		return nil
	})
	return found, err
}

// Leases is host.Guests.Leases.
func (h guestRequests) Leases(ctx context.Context, network string) (found []host.Address, err error) {
	err = h.do(ctx, "Leases", network, func() error {
		for _, d := range h.everything() {
			for _, lease := range d.leases {
				if slices.ContainsFunc(d.live.Interfaces, func(nic host.DomainInterface) bool {
					return nic.MAC == lease.MAC && nic.Network == network
				}) {
					found = append(found, lease)
				}
			}
		}
		return nil
	})
	return found, err
}

// Sent is host.Guests.Sent.
func (h guestRequests) Sent(ctx context.Context, uuid, mac string) (packets int64, err error) {
	err = h.onGuest(ctx, "Sent", uuid, func(d *domain) error {
		packets = d.sent[mac]
		return nil
	})
	return packets, err
}

// CPUTime is host.Guests.CPUTime: guests are idle.
func (h guestRequests) CPUTime(ctx context.Context, uuid string) (time.Duration, error) {
	return time.Second, h.onGuest(ctx, "CPUTime", uuid, func(*domain) error { return nil })
}

// AgentCommand is host.Guests.AgentCommand.
func (h guestRequests) AgentCommand(
	ctx context.Context, uuid, command string, _ time.Duration,
) (answer string, err error) {
	err = h.onGuest(ctx, "AgentCommand", uuid, func(*domain) error {
		if h.Agent == nil {
			return host.ErrAgentUnresponsive
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return h.Agent(uuid, command) // Agent may make requests to the host
}
