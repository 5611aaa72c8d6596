package hosttest

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// kind is a kind of guests, for what all of them have in common.
type kind struct {
	host.Domains
	// define defines a guest with one socket, 64 MiB, and the metadata of number 1.
	define func(t *testing.T) identity
	cores  int               // of each socket
	ask    host.ShutdownMode // how guests are asked to end
	// others are the errors of requests about a guest that host.Domains does not have, by their names.
	others func(uuid string) map[string]error
}

// identity is what the tests know about a guest.
type identity struct{ UUID, Name, Description string }

func machines(t *testing.T, s Site) kind {
	ctx := t.Context()
	return kind{
		Domains: s.Host, cores: 2, ask: host.ShutdownACPI,
		define: func(t *testing.T) identity {
			t.Helper()
			d := defined(t, s)
			return identity{d.UUID, d.Name, d.Description}
		},
		others: func(id string) map[string]error {
			return map[string]error{
				"RenameDomain":      s.Host.RenameDomain(ctx, id, s.Unique()),
				"DiscardSavedState": s.Host.DiscardSavedState(ctx, id),
				"Hardware":          second(s.Host.Hardware(ctx, id)),
				"DomainAddresses":   second(s.Host.DomainAddresses(ctx, id, host.AddressLease)),
			}
		},
	}
}

func containers(t *testing.T, s Site) kind {
	ctx, cs := t.Context(), s.Host.Containers()
	return kind{
		Domains: cs, cores: 1, ask: host.ShutdownSignal,
		define: func(t *testing.T) identity {
			t.Helper()
			spec := containerSpec(t, s)
			d := must.Get[host.Domain](t)(cs.DefineContainer(t.Context(), spec))
			return identity{d.UUID, spec.Name, spec.Description}
		},
		others: func(id string) map[string]error {
			return map[string]error{"SignalContainer": cs.SignalContainer(ctx, id, host.SignalHangUp)}
		},
	}
}
