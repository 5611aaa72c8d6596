package vm

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

func TestADefinitionIsWhatTheBlueprintSays(t *testing.T) {
	r := newRig(t)
	b := r.build(func(q *kind.Request, b *kind.Blueprint) {
		q.Description = "a <machine>"
		efi, cpu := profile.EFI, "Nehalem"
		b.Hardware = &profile.Hardware{CPUCount: new(int64(2)), CPUCores: new(int64(3)), MemoryMB: new(int64(256)),
			Firmware: &efi, CPUType: &cpu}
		b.NICs = []profile.NIC{{Name: "eth0", Model: "e1000", Bridge: "br0", MAC: "52:54:00:00:00:01", VLAN: 7,
			Filter: "clean-traffic"}}
		b.Drives = []profile.Drive{
			{Name: "system", Size: 1 << 30, System: true}, {Name: "data", Size: 1 << 30, Boot: true, Type: profile.HDD,
				Tier: "fast"},
		}
	})
	r.ok(r.driver.Define(t.Context(), b))
	d, err := r.Domain(t.Context(), b.UUID)
	r.ok(err)
	if d.Name != "t1.web" || d.Type != "qemu" || d.Description != "a <machine>" || d.Firmware != "efi" ||
		d.Sockets != 2 || d.Cores != 3 ||
		d.MemoryMiB != 256 || d.State != host.StateShutoff {
		t.Errorf("it is %+v", d)
	}
	i := r.read(b.UUID)
	if m := MachineOf(i); m.Firmware != profile.EFI || m.Sockets != 2 || m.CPU != "Nehalem" {
		t.Errorf("the machine is %+v", m)
	}
	if n := i.NICs[0]; n.Model != "e1000" || n.Bridge != "br0" || n.VLAN != 7 || n.Filter != "clean-traffic" ||
		n.MAC != "52:54:00:00:00:01" {
		t.Errorf("the interface is %+v", n)
	}
	want := []host.DomainDisk{
		{Name: "system", Target: "vda", Path: "/lib/nova.disk.t1.web.system.qcow2", Format: "qcow2", Boot: 2},
		{Name: "data", Target: "sdc", Path: "/fast/nova.disk.t1.web.data.qcow2", Format: "qcow2", Rotation: 7200,
			KeepsDiscarded: true, Boot: 1},
	}
	if !slices.Equal(i.Disks, want) {
		t.Errorf("the disks are %+v, want %+v", i.Disks, want)
	}
}

func TestTheBestTypeOfDomainIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		configured string
		offered    []string
		want       string
	}{
		"as configured":     {"qemu", []string{"qemu", "kvm"}, "qemu"},
		"the faster":        {"", []string{"qemu", "kvm"}, "kvm"},
		"what there is":     {"", []string{"qemu"}, "qemu"},
		"not what there is": {"kvm", []string{"qemu"}, "kvm"},
	} {
		r := newRig(t)
		r.HasTypes = c.offered
		if got, err := r.drive(c.configured).domainTypeFor(t.Context()); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestFirmwareThatIsNotThereIsFound(t *testing.T) {
	r := newRig(t)
	efi := kind.Blueprint{Part: &Part{Machine: profile.Machine{Firmware: profile.EFI}}}
	if found, err := r.driver.Check(t.Context(), "web", efi); err != nil || len(found) > 0 {
		t.Errorf("EFI that is there: %v, %v", found, err)
	}
	r.HasFirmwares = []string{"bios"}
	found, err := r.drive("qemu").Check(t.Context(), "web", efi)
	if err != nil || len(found) != 1 || found[0].Path.String() != "hardware_profile.firmware" {
		t.Errorf("EFI that is not: %v, %v", found, err)
	}
	made := r.calls(func() {
		if found, err := r.drive("qemu").Check(t.Context(), "web", kind.Blueprint{}); err != nil || len(found) > 0 {
			t.Errorf("the BIOS: %v, %v", found, err)
		}
	})
	if len(made) > 0 {
		t.Errorf("a plain machine asks the host for %q", made)
	}
}

// withGPUs are GPUs of a type, each alone in its IOMMU group.
func (r *rig) withGPUs(n int) {
	r.HasPCIDevices = nil
	for bus := range uint(n) {
		r.HasPCIDevices = append(r.HasPCIDevices, card(bus+1, "10de:1eb8", 1)...)
	}
}

func gpu(n int64) func(*kind.Request, *kind.Blueprint) {
	return func(q *kind.Request, b *kind.Blueprint) {
		id := "10de:1eb8"
		q.Name = "web-" + kind.RandomUUID()[:8]
		b.Hardware = &profile.Hardware{GPUCount: &n, GPUType: &id}
	}
}

// Machines that are defined at the same time never get the same GPU, and a machine that is one too
// many gets none.
func TestNoGPUIsGivenTwice(t *testing.T) {
	r := newRig(t)
	const gpus, machines = 16, 32
	r.withGPUs(gpus)
	builds := make([]*kind.Build, machines)
	for n := range builds {
		builds[n] = r.build(gpu(1))
	}
	var wait sync.WaitGroup
	errs := make([]error, len(builds))
	for n, b := range builds {
		wait.Go(func() { errs[n] = r.driver.Define(t.Context(), b) })
	}
	wait.Wait()
	taken := map[host.PCIAddress]bool{}
	refused := 0
	for n, b := range builds {
		if _, lacking := errors.AsType[finding.List](errs[n]); lacking {
			refused++
			continue
		}
		r.ok(errs[n])
		d, err := r.Domain(t.Context(), b.UUID)
		r.ok(err)
		if len(d.Passthrough) != 1 || taken[d.Passthrough[0].Address] {
			t.Errorf("it got %+v", d.Passthrough)
		}
		taken[d.Passthrough[0].Address] = true
		if m := MachineOf(r.read(b.UUID)); m.GPUs != 1 || m.GPU != "10de:1eb8" {
			t.Errorf("it reads as %+v", m)
		}
	}
	if refused != machines-gpus || len(taken) != gpus {
		t.Errorf("%d were refused, and %d GPUs are taken", refused, len(taken))
	}
}

func TestGPUsOfTheInstanceItselfAreItsOwn(t *testing.T) {
	r := newRig(t)
	r.withGPUs(1)
	b := r.build(gpu(1))
	r.ok(r.driver.Define(t.Context(), b))
	if found, err := r.driver.Check(t.Context(), b.Request.Name, b.Blueprint); err != nil || len(found) > 0 {
		t.Errorf("for itself: %v, %v", found, err)
	}
	found, err := r.driver.Check(t.Context(), "another", b.Blueprint)
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Detail, b.Request.Name) {
		t.Errorf("for another: %v, %v", found, err)
	}
	// Nothing says which GPUs a domain has that the host cannot describe.
	r.Torn = []string{"t1." + b.Request.Name}
	if _, err := r.driver.Check(t.Context(), "another", b.Blueprint); !errors.Is(err, host.ErrInternal) {
		t.Errorf("with a torn domain: %v", err)
	}
}

func TestAHostThatCannotListItsGPUsIsNoFinding(t *testing.T) {
	r := newRig(t)
	b := kind.Blueprint{Part: &Part{Machine: profile.Machine{GPUs: 1, GPU: "10de:1eb8"}}}
	for _, method := range []string{"PCIDevices", "DomainsNamed"} {
		r.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == method {
				return fakehost.Fault{Before: host.ErrUnreachable}
			}
			return fakehost.Fault{}
		}
		if found, err := r.drive("qemu").Check(t.Context(), "web", b); !errors.Is(err, host.ErrUnreachable) ||
			len(found) > 0 {
			t.Errorf("%s: %v, %v", method, found, err)
		}
	}
}

// Another daemon, or a copy by hand, may have put files into a pool since the host last looked. A
// create looks only if one is in its way: it takes longer the more volumes the pool has.
func TestAFileThatTheHostDoesNotKnowMakesWay(t *testing.T) {
	const system = "nova.disk.t1.web.system.qcow2"
	for what, c := range map[string]struct {
		files map[string][]string // by pool
		looks int
	}{
		"nothing":         {nil, 0},
		"the system disk": {map[string][]string{"lib": {system}}, 1},
		"all": {map[string][]string{
			"lib": {system, seedVolume}, "fast": {"nova.disk.t1.web.data.qcow2"},
		}, 3},
	} {
		r := newRig(t)
		b := r.build(nil)
		r.ok(r.driver.Define(t.Context(), b))
		b.Claimed = true
		for pool, names := range c.files {
			for _, name := range names {
				r.PutFile(pool, name, []byte("left"))
			}
		}
		looks := 0
		r.Inject = func(call fakehost.Call) fakehost.Fault {
			if call.Method == "RefreshPool" {
				looks++
			}
			return fakehost.Fault{}
		}
		for _, s := range r.driver.Stages(b) {
			if err := s.Do(t.Context()); err != nil {
				t.Errorf("%s is in the way: step %s: %v", what, s.Name, err)
			}
		}
		if looks != c.looks {
			t.Errorf("%s is in the way: the pools were looked at %d times, want %d", what, looks, c.looks)
		}
		if v := must.Get[host.Volume](t)(r.Volume(t.Context(), "lib", system)); v.Format == "raw" {
			t.Errorf("%s is in the way: the system disk is %+v", what, v)
		}
	}
}

// An existing volume is in the way of an instance, unless the instance has just claimed the
// volume's name: then a create that is over requested the volume, and the host created it late.
func TestALateVolumeMakesWayForItsOwner(t *testing.T) {
	for _, claimed := range []bool{true, false} {
		for _, method := range []string{
			"CreateVolume lib/nova.disk.t1.web.system.qcow2", "CreateVolume fast/nova.disk.t1.web.data.qcow2",
			"CreateVolume lib/" + seedVolume,
		} {
			r := newRig(t)
			b := r.build(nil)
			r.ok(r.driver.Define(t.Context(), b))
			b.Claimed = claimed
			met := false
			r.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.Method+" "+c.Object != method || met {
					return fakehost.Fault{}
				}
				met = true
				return fakehost.Fault{Before: host.ErrExists}
			}
			var err error
			for _, s := range r.driver.Stages(b) {
				if err = s.Do(t.Context()); err != nil {
					break
				}
			}
			if !met || claimed && err != nil || !claimed && !errors.Is(err, host.ErrExists) {
				t.Errorf("%s, claimed: %t: %v (met: %t)", method, claimed, err, met)
			}
		}
	}
}
