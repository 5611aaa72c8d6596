//go:build linux

package root

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOwnGroups(t *testing.T) {
	const hybrid = `9:name=systemd:/host
4:cpu,cpuacct:/host/machine/lxc-1-t1.libvirt-lxc
3:memory:/machine/lxc-1-t1.libvirt-lxc
2:pids:/other
0::/
`
	const mounts = `744 743 0:61 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs rw,size=64k
745 744 0:29 /host /sys/fs/cgroup/cpu,cpuacct ro,nosuid shared:7 - cgroup cgroup rw,cpu,cpuacct
746 744 0:30 / /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
747 744 0:31 /host /sys/fs/cgroup/pids ro,nosuid - cgroup cgroup rw,pids
748 744 0:32 /host /sys/fs/cgroup/systemd ro,nosuid - cgroup cgroup rw,xattr,name=systemd
749 744 0:33 / /elsewhere/memory ro,nosuid - cgroup cgroup rw,memory
`
	for name, c := range map[string]struct {
		cgroup, mounts string
		want           []group
	}{
		"version 1": {hybrid, mounts, []group{
			{"/sys/fs/cgroup/cpu,cpuacct", "machine/lxc-1-t1.libvirt-lxc"},
			{"/sys/fs/cgroup/memory", "machine/lxc-1-t1.libvirt-lxc"},
		}},
		"version 2": {"0::/machine.slice/t1\n", "30 29 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw,nsdelegate\n",
			[]group{{"/sys/fs/cgroup", "machine.slice/t1"}}},
		"a namespace of its own": {"0::/\n", "30 29 0:26 /../../.. /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n", nil},
		"nothing":                {"", "", nil},
		"damaged":                {"0\n0::\n:", "1 2 3 4 5\n - \n1 2 3 4 /sys/fs/cgroup - cgroup2\n", nil},
	} {
		if got := ownGroups(c.cgroup, c.mounts); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzOwnGroups reads anything, and never leads out of what is mounted.
func FuzzOwnGroups(f *testing.F) {
	f.Add("3:memory:/a/b\n0::/c\n", "1 2 3 /a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
	f.Add("0::/../x\n", "1 2 3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	f.Fuzz(func(t *testing.T, cgroup, mounts string) {
		for _, g := range ownGroups(cgroup, mounts) {
			if !strings.HasPrefix(g.mount, groupsDir) || !filepath.IsLocal(g.below) {
				t.Errorf("%q", g)
			}
		}
	})
}
