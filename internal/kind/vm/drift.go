package vm

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
)

// Drift implements kind.Driver.
func (d *Driver) Drift(i kind.Instance, b kind.Blueprint) []kind.Drift {
	var all []kind.Drift
	differs := func(at finding.Path, is any, same bool) {
		if !same {
			all = append(all, kind.Drift{Path: at, Is: is})
		}
	}
	lost := func(at finding.Path, is any, same bool) {
		if !same {
			all = append(all, kind.Drift{Path: at, Is: is, Lost: true})
		}
	}
	hardware, have, want := finding.At("hardware_profile"), MachineOf(i), PartOf(b).Machine
	differs(hardware.Name("cpu_count"), int64(have.Sockets), have.Sockets == want.Sockets)
	differs(hardware.Name("cpu_cores"), int64(have.Cores), have.Cores == want.Cores)
	differs(hardware.Name("memory_mb"), int64(have.MemoryMiB), have.MemoryMiB == want.MemoryMiB)
	lost(hardware.Name("cpu_type"), have.CPU, have.CPU == host.EffectiveCPU(definedOf(i).domainType, want.CPU))
	lost(hardware.Name("gpu_count"), int64(have.GPUs), have.GPUs == want.GPUs)
	all = append(all, kind.DriftOfNICs(i.NICs, b.NICs)...)
	for _, w := range b.Drives {
		at := finding.At("storage_profile").Name("disks").Key(w.Name)
		n := slices.IndexFunc(i.Disks, func(h host.DomainDisk) bool { return h.Name == w.Name })
		if n < 0 && (w.System || w.Boot) {
			lost(at.Name("size_gb"), int64(0), false)
			continue
		}
		if n < 0 {
			differs(at.Name("size_gb"), int64(0), false)
			continue
		}
		lost(at.Name("type"), device.Type(i.Disks[n]), device.Type(i.Disks[n]) == w.Type)
		if size, known := i.Size(w.Name); known && size < w.Size {
			differs(at.Name("size_gb"), int64(size>>30), profile.SameSize(size, w.Size))
		} else if known {
			lost(at.Name("size_gb"), kind.GiB(size), profile.SameSize(size, w.Size)) // no disk shrinks
		}
	}
	return all
}
