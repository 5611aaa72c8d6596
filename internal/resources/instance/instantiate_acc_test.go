package instance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// warmShop is a workspace with a library of its own, whose version has a warm snapshot of the tiny
// image.
type warmShop struct {
	*tfacc.Workspace
	host            *acctest.Host
	pool, directory string
	config          string // of the library
}

func newWarmShop(t *testing.T, host *acctest.Host, name string) *warmShop {
	t.Helper()
	s := &warmShop{host: host}
	s.pool, s.directory = host.Pool(t, name)
	t.Parallel()
	warm := tfconfig.Warm{
		SealCommands: []tfconfig.Value{"touch /sealed"}, ResumeCommands: []tfconfig.Value{"touch /resumed"},
	}
	s.config = tfacc.Provider(s.pool) + tfconfig.Render(template(name), warmOf(acctest.TinyImage(t), warm))
	s.Workspace = tfacc.NewWorkspace(t, s.config)
	t.Cleanup(func() {
		s.Configure(t, s.config) // an instance that is refused would stop the plan that comes before destroying
		s.Destroy(t)
	})
	return s
}

// apply configures instances beside the library, and applies that. Then there is nothing left to
// do.
func (s *warmShop) apply(t *testing.T, instances ...string) string {
	t.Helper()
	s.Configure(t, s.config+strings.Join(instances, ""))
	out := s.Apply(t)
	s.EmptyPlan(t)
	return out
}

// warm is an instance of the shop that is to be resumed, and may not boot. Its host name differs
// from its name.
func (s *warmShop) warm(label string, settings ...string) tfconfig.Instance {
	i := clone(label, s.pool+"-"+label)
	i.Strategy, i.OnNoWarm, i.WaitFor = "instantiate", "fail", []string{"agent", "ip"}
	i.Parameters = map[string]any{"hostname": "host-" + label}
	i.Settings = settings
	return i
}

// chain are the volumes that the system disk of an instance stands on.
func (s *warmShop) chain(t *testing.T, label string) string {
	t.Helper()
	return s.host.Exec(t, "qemu-img", "info", "--force-share", "--backing-chain",
		s.directory+"/nova.disk.default."+s.pool+"-"+label+".system.qcow2")
}

// parts are the endings of the names of the volumes that make up the snapshots of the pool.
func (s *warmShop) parts(t *testing.T) []string {
	t.Helper()
	var parts []string
	for _, left := range s.host.Leftovers(t, s.pool, "nova.warm.") {
		if strings.HasPrefix(left, "volume ") && !strings.HasSuffix(left, ".json") {
			parts = append(parts, left[strings.LastIndex(left, ".")+1:])
		}
	}
	slices.Sort(parts)
	return parts
}

// Instances that one apply resumes from one snapshot have identities of their own. They are changed
// like others, and keep the snapshot's disk. What is left goes with the version.
func TestAccInstancesAreResumed(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("resumed")
	s := newWarmShop(t, host, name)
	const more = `network_profile = { interfaces = { eth0 = {}, eth1 = {} } }`
	const disks = `storage_profile = { disks = { system = { size_gb = 1 }, data = { size_gb = 1 } } }`
	a, b := s.warm("a"), s.warm("b", more, disks)
	out := s.apply(t, a.String(), b.String())
	tfacc.Says(t, out, "4 added")
	if strings.Contains(out, "Warning: Guest") {
		t.Errorf("a guest was booted:\n%s", out)
	}
	first, second := stateOf(t, s.Workspace, "novacron_instance.a"), stateOf(t, s.Workspace, "novacron_instance.b")
	for _, own := range []string{"id", "ip_address"} {
		if first[own] == nil || first[own] == second[own] {
			t.Errorf("%s of the instances are %v and %v", own, first[own], second[own])
		}
	}
	macs := func(state map[string]any) map[string]any {
		macs, _ := state["mac_addresses"].(map[string]any)
		return macs
	}
	if one, two := macs(first), macs(second); len(one) != 1 || len(two) != 2 || one["eth0"] == two["eth0"] {
		t.Errorf("the MAC addresses are %v and %v", one, two)
	}
	said := map[string]string{}
	for label, state := range map[string]map[string]any{"a": first, "b": second} {
		domain := name + "-" + label
		want := "host-" + label + "\n" + macs(state)["eth0"].(string) + "\n/resumed\n/sealed"
		if got := guestSays(t, host, domain, "/bin/sh", "-c",
			"hostname; cat /sys/class/net/eth0/address; ls -d /resumed /sealed"); got != want {
			t.Errorf("guest %s says %q, want %q", label, got, want)
		}
		random := guestSays(t, host, domain, "/bin/cat", "/proc/sys/kernel/random/uuid")
		if other, twice := said[random]; twice {
			t.Errorf("guests %s and %s have the same random numbers", label, other)
		}
		said[random] = label
		chain := s.chain(t, label)
		if !strings.Contains(chain, "/nova.warm.") || !strings.Contains(chain, "/nova.base.") {
			t.Errorf("the disk of %s stands on\n%s", label, chain)
		}
	}
	if got := guestSays(t, host, name+"-b", "/bin/sh", "-c",
		"cat /sys/block/vda/size /sys/block/vdb/size; ls /sys/class/net | grep -c eth"); got != "2097152\n2097152\n2" {
		t.Errorf("guest b has disks and cards %q, want two of each, of 1 GiB", got)
	}

	// The version stays as long as its instances.
	stays := s.warm("a")
	stays.TemplateID, stays.Version = "default/"+name, "1.0.0"
	s.Configure(t, tfacc.Provider(s.pool)+template(name).String()+stays.String())
	tfacc.Says(t, s.Fails(t, "plan"), "Version is removed under its instance", name+"-a")

	// A power cycle is a boot, after which the guest is who it was.
	b.PowerState = "stopped"
	s.apply(t, a.String(), b.String())
	b.PowerState = "running"
	s.apply(t, a.String(), b.String())
	if got := guestSays(t, host, name+"-b", "/bin/sh", "-c", "hostname; cat /sys/class/net/eth0/address"); got !=
		"host-b\n"+macs(second)["eth0"].(string) {
		t.Errorf("after a boot, guest b says %q", got)
	}

	// Without its snapshot, the version keeps the disk that instances stand on.
	s.config = tfacc.Provider(s.pool) + tfconfig.Render(template(name), release(acctest.TinyImage(t)))
	tfacc.Says(t, s.apply(t, a.String(), b.String()), "- warm", "0 added, 1 changed, 0 destroyed")
	if got := s.parts(t); !slices.Equal(got, []string{"qcow2"}) {
		t.Errorf("the snapshot has the parts %q, and should have only its disk", got)
	}
}

// If the memory of a snapshot is gone, guests boot, or their creation fails if they may not boot. When
// three could not be resumed, the version's next apply makes the snapshot again.
func TestAccALostSnapshotIsMadeAgain(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("lost")
	s := newWarmShop(t, host, name)
	s.apply(t)
	for _, left := range host.Leftovers(t, s.pool, "nova.warm.") {
		if volume, is := strings.CutPrefix(left, "volume "+s.pool+"/"); is && strings.HasSuffix(volume, ".save") {
			host.Virsh(t, "vol-delete", "--pool", s.pool, volume)
		}
	}
	s.Configure(t, s.config+s.warm("a").String())
	tfacc.Says(t, s.Fails(t, "apply", "-auto-approve"), "Could not create instance", `on_no_warm is "fail"`)
	if left := host.Leftovers(t, s.pool, "."+name+"-a."); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	var instances []string
	for _, label := range []string{"b", "c"} {
		i := s.warm(label)
		i.OnNoWarm = "boot"
		instances = append(instances, i.String())
		s.Configure(t, s.config+strings.Join(instances, ""))
		tfacc.Says(t, s.Apply(t), "Warning: Guest was booted", name+"-"+label, "1 added")
		if got := guestSays(t, host, name+"-"+label, "/bin/hostname"); got != "host-"+label {
			t.Errorf("guest %s calls itself %q", label, got)
		}
	}
	out, err := s.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "~ warm_snapshot", "Warning: Warm snapshot will be made again", "3 guests in a row could not "+
		"be resumed from it")
	out = s.apply(t, append(instances, s.warm("d").String())...)
	tfacc.Says(t, out, "1 added, 1 changed, 0 destroyed")
	if chain := s.chain(t, "d"); !strings.Contains(chain, "/nova.warm.") || strings.Contains(out, "Guest was booted") {
		t.Errorf("the guest was booted:\n%s\n%s", out, chain)
	}
}
