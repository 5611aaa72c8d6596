package instance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// Two hosts with one pool, as on NFS: they have one image, and an instance moves without its disks.
func TestAccHostsShareAPool(t *testing.T) {
	shared, name := acctest.RequireHost(t), tfacc.Name("nfs")
	t.Parallel()
	directory, err := os.MkdirTemp("/var/tmp", name) // test hosts see the same
	if err == nil {
		err = os.Chmod(directory, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	hosts := map[string]*acctest.Host{}
	var provider strings.Builder
	provider.WriteString("provider \"novacron\" {\n  hosts = {\n")
	for _, key := range []string{"kvm1", "kvm2"} {
		h := shared.Own(t, "nfs-"+key)
		hosts[key] = h
		h.Virsh(t, "pool-create-as", name, "dir", "--target", directory)
		const block = "    %s = { uri = %q, pool = %q, overcommit = { vcpus = 100, memory = 4 } }\n"
		fmt.Fprintf(&provider, block, key, h.URI, name)
	}
	provider.WriteString("  }\n  catalog = { host = \"kvm1\" }\n}\n")
	fixed, domain := provider.String()+shop(name, acctest.TinyImage(t)), name+"-it"
	configured := func(host string, more ...string) string {
		return fixed + instance("it", domain, `placement = { hosts = ["`+host+`"] }`, `wait_for = ["agent"]`,
			`storage_profile = { disks = { data = { size_gb = 1 } } }`) + strings.Join(more, "")
	}
	files := func(prefix string) (all []string) {
		paths, err := filepath.Glob(filepath.Join(directory, prefix+"*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, ".json") && !strings.HasSuffix(path, ".map") {
				all = append(all, filepath.Base(path))
			}
		}
		return all
	}
	inodes := func() (all []string) {
		for _, file := range files("nova.disk.") {
			info, err := os.Stat(filepath.Join(directory, file))
			if err != nil {
				t.Fatal(err)
			}
			stat, _ := info.Sys().(*syscall.Stat_t)
			all = append(all, fmt.Sprint(file, " ", stat.Ino))
		}
		return all
	}
	w := tfacc.NewWorkspace(t, configured("kvm1"))
	t.Cleanup(func() { w.Destroy(t) })
	tfacc.Says(t, w.Apply(t), "3 added")
	guestSays(t, hosts["kvm1"], domain, "/bin/sh", "-c", "printf data >/dev/vdb && sync")
	before := inodes()

	w.Configure(t, configured("kvm2"))
	out, err := w.Run(t.Context(), "plan")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tfacc.Says(t, out, "Instance will be moved", "copies no disks to a host that shares their storage pool")
	tfacc.Says(t, w.Apply(t), "0 added, 1 changed, 0 destroyed")
	w.EmptyPlan(t)
	if got := guestSays(t, hosts["kvm2"], domain, "/bin/sh", "-c", "head -c 4 /dev/vdb"); got != "data" {
		t.Errorf("on kvm2, the guest has %q", got)
	}
	if got := inodes(); !slices.Equal(got, before) {
		t.Errorf("the disks were %q, and are %q", before, got)
	}
	if left := domains(t, hosts["kvm1"], name); len(left) > 0 {
		t.Errorf("host kvm1 has the domains %q", left)
	}

	// Another instance on the first host stands on the same image, and outlives the removal of the other one.
	other := instance("other", name+"-other", `placement = { hosts = ["kvm1"] }`, `power_state = "stopped"`)
	w.Configure(t, configured("kvm2", other))
	tfacc.Says(t, w.Apply(t), "1 added, 0 changed, 0 destroyed")
	if bases := files("nova.base."); len(bases) != 1 {
		t.Errorf("the pool has the images %q", bases)
	}
	w.Configure(t, fixed+other)
	tfacc.Says(t, w.Apply(t), "0 added, 0 changed, 1 destroyed")
	w.EmptyPlan(t)
	w.Destroy(t)
	for _, prefix := range []string{"nova.disk.", "nova.seed.", "nova.console.", "nova.base.", "nova.placement."} {
		if left := files(prefix); len(left) > 0 {
			t.Errorf("the pool has %q", left)
		}
	}
}
