package domain

import (
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Every CPU mode must start under software emulation.
func TestCPUModesStart(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	spec := realSpec(t, h, pool, path)
	for cpu, want := range map[string]string{
		"":                 "maximum",
		"host-passthrough": "maximum",
		"maximum":          "maximum",
		"qemu64":           "qemu64",
		"Nehalem":          "Nehalem",
	} {
		spec.CPU = cpu
		d := must.Get[host.Domain](t)(h.DefineDomain(ctx, spec))
		if d.CPU != want {
			t.Errorf("CPU %q reads as %q, want %q", cpu, d.CPU, want)
		}
		if err := errors.Join(
			h.StartDomain(ctx, spec.UUID), h.DestroyDomain(ctx, spec.UUID), h.UndefineDomain(ctx, spec.UUID),
		); err != nil {
			t.Errorf("CPU %q: %v", cpu, err)
		}
	}
}
