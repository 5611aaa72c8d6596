package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestAccAChangeRestartsAndReplacesNothing(t *testing.T) {
	d := openDocks(t)
	r := shell(d.request("change", "linked_clone"),
		`trap 'echo stopped; exit 0' TERM; echo "GREETING=$GREETING file=$(cat /etc/motd)"; touch /kept; ls /more; `+
			`while :; do sleep 1; done`)
	r.Customization = &guest.Customization{Files: map[string]guest.File{"/etc/motd": {Content: "one"}}}
	i, err := d.create(r)
	if err != nil {
		t.Fatal(err)
	}
	d.says(r, "GREETING=hello file=one")
	settled := *r.Container
	settled.Env = map[string]string{"GREETING": "salut"}
	r.Container = &settled
	after, restarts := d.change(i, r)
	if after.UUID != i.UUID || len(restarts) != 1 || restarts[0] != "container" ||
		after.MACs()["eth0"] != i.MACs()["eth0"] {
		t.Errorf("env: it restarts for %q: %+v", restarts, after)
	}
	log := d.says(r, "GREETING=salut")
	if !strings.Contains(log, "stopped") {
		t.Errorf("SIGTERM did not reach the application: %q", log)
	}
	r.Customization = &guest.Customization{Files: map[string]guest.File{"/etc/motd": {Content: "two"}}}
	if _, restarts := d.change(i, r); len(restarts) != 1 || restarts[0] != "customization" {
		t.Errorf("a file restarts it for %q", restarts)
	}
	d.says(r, "file=two")
	if _, restarts := d.change(i, r); len(restarts) > 0 {
		t.Errorf("nothing restarts it for %q", restarts)
	}
	r.Storage = &profile.Storage{Disks: map[string]profile.Disk{
		"system": {}, "data": {SizeGB: new(int64(1)), MountPath: new("/more")},
	}}
	if _, restarts := d.change(i, r); len(restarts) == 0 {
		t.Error("a disk restarts nothing")
	}
	d.says(r, "lost+found")
	r.Hardware = &profile.Hardware{MemoryMB: new(int64(96))}
	r.Network = &profile.Network{Interfaces: map[string]profile.Interface{"eth0": {}, "lan": {}}}
	after, _ = d.change(i, r)
	if after.MACs()["lan"] == "" || after.MACs()["eth0"] != i.MACs()["eth0"] || after.Drifted() {
		t.Errorf("with another interface it is %+v", after)
	}
	r.Network = nil
	after, _ = d.change(i, r)
	if len(after.NICs) != 1 || !after.Healthy() {
		t.Errorf("with one interface it is %+v", after)
	}
}

func TestAccDisksGrowWhileTheContainerRuns(t *testing.T) {
	d := openDocks(t)
	r := shell(d.request("grow", "linked_clone"), `while :; do df -k /data | tail -n 1; sleep 0.2; done`)
	r.Storage = &profile.Storage{Disks: map[string]profile.Disk{
		"system": {}, "data": {SizeGB: new(int64(1)), MountPath: new("/data")},
	}}
	i, err := d.create(r)
	if err != nil {
		t.Fatal(err)
	}
	before := must.Get[kind.Instance](t)(d.p.Read(t.Context(), i.UUID))
	r.Storage = &profile.Storage{Disks: map[string]profile.Disk{
		"system": {SizeGB: new(int64(12))}, "data": {SizeGB: new(int64(3)), MountPath: new("/data")},
	}}
	if !canGrow(t) { // then it is told, and the volumes are as they are to be
		b := must.Get[kind.Blueprint](t)(d.p.BlueprintOf(t.Context(), before, r))
		_, err := d.p.Update(t.Context(), i.UUID, Change{Blueprint: &b, Options: r.Options})
		if _, is := errors.AsType[*container.GrowError](err); !is {
			t.Errorf("a machine that lets nobody grow file systems: %v", err)
		}
		if _, restarts := d.change(i, r); len(restarts) > 0 {
			t.Errorf("then it differs by %q", restarts)
		}
		return
	}
	if _, restarts := d.change(i, r); len(restarts) > 0 {
		t.Errorf("growing restarts it for %q", restarts)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		lines := strings.Split(strings.TrimSpace(d.log(r)), "\n")
		fields := strings.Fields(lines[len(lines)-1])
		if len(fields) > 1 && len(fields[1]) == 7 && fields[1] > "2900000" {
			break
		}
		if kind.Pause(ctx, kind.Poll) != nil {
			t.Fatalf("it sees %q", lines[len(lines)-1])
		}
	}
}

// canGrow reports whether this machine lets its root grow file systems: CAP_SYS_RESOURCE, by the number
// that capability.h has.
func canGrow(t *testing.T) bool {
	t.Helper()
	for line := range strings.Lines(string(must.Get[[]byte](t)(os.ReadFile("/proc/self/status")))) {
		if mask, is := strings.CutPrefix(line, "CapEff:"); is {
			const sysResource = 24
			return must.Get[uint64](t)(strconv.ParseUint(strings.TrimSpace(mask), 16, 64))&(1<<sysResource) != 0
		}
	}
	return false
}

func TestAccAnotherVersionIsAnotherBaseAndAnEmptyUpper(t *testing.T) {
	d := openDocks(t)
	d.register("2.0.0", map[string]string{"etc/release": "two"})
	for _, strategy := range []catalog.Strategy{"linked_clone", "clone"} {
		r := shell(d.request("re"+string(strategy[:2]), strategy),
			`echo "release=$(cat /etc/release) kept=$(ls /kept) data=$(ls /data)"; touch /kept /data/kept; `+
				`exec sleep 100000`)
		r.Storage = &profile.Storage{Disks: map[string]profile.Disk{
			"system": {}, "data": {SizeGB: new(int64(1)), MountPath: new("/data")},
		}}
		i, err := d.create(r)
		if err != nil {
			t.Fatal(err)
		}
		d.says(r, "release= kept= data=lost+found")
		before := len(d.volumes(r))
		r.Version = "2.0.0"
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		began := time.Now()
		after, _, err := d.p.Reimage(ctx, i.UUID, r)
		t.Logf("%s: reimaged in %s", strategy, time.Since(began))
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		d.says(r, "release=two kept= data=kept\nlost+found")
		if after.UUID != i.UUID || after.MACs()["eth0"] != i.MACs()["eth0"] || after.Facts.Version != "2.0.0" {
			t.Errorf("it is %+v", after)
		}
		d.change(after, r)
		if left := d.volumes(r); len(left) != before {
			t.Errorf("it has %q", left)
		}
		d.remove(i)
	}
}

func TestAccContainersAreConfined(t *testing.T) {
	d := openDocks(t)
	r := shell(d.request("alone", "linked_clone"),
		`echo "id=$(id -u) links=$(ip -o link | wc -l)"; ip -o link; exec sleep 98765`)
	r.Network = &profile.Network{Interfaces: map[string]profile.Interface{}}
	if _, err := d.create(r); err != nil {
		t.Fatal(err)
	}
	log := d.says(r, "id=0")
	if strings.Contains(log, "virbr") || strings.Contains(log, "eth0") {
		t.Errorf("it sees %q", log)
	}
	owner := strings.TrimSpace(d.site.Exec(t, "sh", "-c",
		"for p in /proc/[0-9]*; do if tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q '^sleep 98765'; then "+
			"stat -c %u $p; fi; done"))
	if owner != "100000" {
		t.Errorf("outside, its root is %q", owner)
	}
}

func TestAccTwentyAtOnce(t *testing.T) {
	d := openDocks(t)
	const many = 20
	var group sync.WaitGroup
	instances, errs := make([]kind.Instance, many), make([]error, many)
	began := time.Now()
	for n := range many {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			instances[n], _, errs[n] = d.p.Create(ctx, d.request(fmt.Sprintf("n%d", n), "linked_clone"),
				func(kind.Instance, Record) {})
		})
	}
	group.Wait()
	t.Logf("%d containers in %s", many, time.Since(began))
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	began = time.Now()
	for _, i := range instances {
		if i.UUID == "" {
			continue
		}
		group.Go(func() {
			err := d.p.Delete(t.Context(), 10*time.Second, i.UUID, naming.DefaultTenant, i.Facts.Name, hostid.ID{})
			if err != nil || !i.Healthy() {
				t.Errorf("%s: %s, %v", i.Facts.Name, i.State, err)
			}
		})
	}
	group.Wait()
	t.Logf("removed in %s", time.Since(began))
}

func TestAccABaseUnderAContainerStays(t *testing.T) {
	d := openDocks(t)
	i, err := d.create(d.request("holds", "linked_clone"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.lib.RemoveVersion(t.Context(), boxTemplate.Version("1.0.0")); err == nil ||
		!strings.Contains(err.Error(), i.Facts.Name) {
		t.Errorf("removing its version: %v", err)
	}
}

func TestAccOneNameIsOneInstanceOfAnyKind(t *testing.T) {
	d := openDocks(t)
	r := d.request("name", "linked_clone")
	machine := must.Get[host.Domain](t)(d.conn.DefineDomain(t.Context(), host.DomainSpec{
		Name: r.Name, Type: "qemu", Sockets: 1, Cores: 1, MemoryMiB: 64,
	}))
	_, err := d.create(r)
	if found, are := errors.AsType[finding.List](err); !are || found[0].Path.String() != "name" {
		t.Errorf("a container of a machine's name: %v", err)
	}
	if err := d.conn.UndefineDomain(t.Context(), machine.UUID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.create(r); err != nil {
		t.Fatal(err)
	}
	if err := d.p.CheckName(t.Context(), r.Name); err == nil {
		t.Error("a plan for the same name finds nothing wrong")
	}
}
