//go:build linux

package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

func TestRootInsideIsAnotherUserOutside(t *testing.T) {
	b := newBox(t)
	b.start(script("exec sleep 1000"))
	pid, status := b.child("sleep")
	for _, want := range []string{
		"Uid:\t100000\t100000\t100000\t100000", "Gid:\t100000\t100000\t100000\t100000", "NoNewPrivs:\t1",
		"Seccomp:\t2",
		"CapEff:\t00000000a80425fb", "CapBnd:\t00000000a80425fb", "CapInh:\t0000000000000000",
		"CapAmb:\t0000000000000000",
		"SigIgn:\t0000000000000000", "SigBlk:\t0000000000000000",
	} {
		if !strings.Contains(status, want) {
			t.Errorf("%q is missing in\n%s", want, status)
		}
	}
	own := leftScore
	if needs.HasCapability(unix.CAP_SYS_RESOURCE) {
		own = "-999"
	}
	for process, want := range map[int]string{pid: leftScore, b.process.Pid: own} {
		score := must.Get[[]byte](t)(os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", process)))
		if got := strings.TrimSpace(string(score)); got != want {
			t.Errorf("the score of %d is %s, want %s", process, got, want)
		}
	}
}

// child waits until nova-init has a child that runs a program. It returns its number on the host, and
// its status as in proc(5).
func (b *box) child(program string) (pid int, status string) {
	b.t.Helper()
	found := waitFor(func() bool {
		for _, file := range must.Get[[]string](b.t)(filepath.Glob("/proc/[0-9]*/status")) {
			text, _ := os.ReadFile(file) // it may have ended
			status = string(text)
			if strings.Contains(status, "Name:\t"+program+"\n") &&
				strings.Contains(status, fmt.Sprintf("PPid:\t%d\n", b.process.Pid)) {
				pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
				return true
			}
		}
		return false
	})
	if !found {
		b.t.Fatalf("there is no %s: %+v\n%s", program, b.status(), b.log())
	}
	return pid, status
}

func TestAnApplicationCannotBreakOut(t *testing.T) {
	for _, user := range []uint32{0, 1000} {
		t.Run(strconv.Itoa(int(user)), func(t *testing.T) {
			b := newBox(t)
			b.hosted.Groups = true
			config := script(`probe all; probe clone
mount -t tmpfs none /tmp && echo FAILED mount; unshare -r true && echo FAILED unshare
nsenter -t 1 -m true && echo FAILED nsenter
mkdir /tmp/cg && mount -t cgroup -o memory none /tmp/cg && echo FAILED cgroup
find /sys/fs/cgroup -name release_agent | sed 's/^/FAILED /'
probe writable /sys /proc/sys /proc/irq /proc/bus /proc/fs | sed 's/^/FAILED /'
touch /tmp/own; probe writable /tmp
chroot /links/root true; echo ended`)
			config.Process.UID = user
			b.start(config)
			if code := b.exit(); code != 0 {
				t.Errorf("it ended with %d: %+v", code, b.status().Error)
			}
			log := b.log()
			for name := range attempts {
				outcome := "refused"
				if file, is := notEverywhere[name]; is {
					if _, err := os.Stat(file); os.IsNotExist(err) {
						outcome = "not there"
					}
				}
				if !strings.Contains(log, "attempt "+name+": "+outcome+"\n") {
					t.Errorf("%s was not refused", name)
				}
			}
			if strings.Contains(log, "FAILED") || !strings.Contains(log, "\n/tmp/own\n") ||
				!strings.HasSuffix(log, "\nended\n") {
				t.Error("something was not refused")
			}
			if t.Failed() {
				t.Log(log)
			}
		})
	}
}

func TestAPrivilegedContainer(t *testing.T) {
	b := newBox(t)
	config := script("cat /proc/self/uid_map; mount -t tmpfs none /tmp && echo mounted; " +
		"grep -E 'NoNewPrivs|Seccomp:' /proc/self/status")
	config.Privileged, config.Users = true, initd.IDRange{}
	b.start(config)
	b.exit()
	if log := b.log(); !strings.Contains(log, "mounted") || !strings.Contains(log, "4294967295") ||
		!strings.Contains(log, "NoNewPrivs:\t0") || !strings.Contains(log, "Seccomp:\t0") {
		t.Errorf("%s%+v", log, b.status().Error)
	}
}

func TestSecretsAreNotSeen(t *testing.T) {
	b := newBox(t)
	secret := fmt.Sprintf("s3cr3t-%d", os.Getpid()) // which no program contains
	config := script(strings.ReplaceAll(`for f in /proc/[0-9]*; do
  [ "$f" = /proc/$$ ] && continue
  grep -l SECRET $f/cmdline $f/environ 2>/dev/null
done
find / \( -path /proc -o -path /sys \) -prune -o -type f -exec grep -l SECRET {} + 2>/dev/null
ls -la /proc/1/fd 2>&1 | head -3; echo ended`, "SECRET", secret))
	config.Files = []initd.File{
		{Path: "/srv/key", Mode: 0o600, UID: 5, Content: []byte(secret)},
		{Path: "/srv/open", Mode: 0o644, UID: 5, Content: []byte(secret)}, // for all, so it is found
	}
	config.Process.UID, config.Process.Env = 1000, append(config.Process.Env, "KEY="+secret)
	b.start(config)
	b.exit()
	var found []string
	for line := range strings.SplitSeq(b.log(), "\n") {
		if strings.HasPrefix(line, "/") {
			found = append(found, line)
		}
	}
	if !slices.Equal(found, []string{"/srv/open"}) || !strings.HasSuffix(b.log(), "\nended\n") {
		t.Errorf("the secret is in %q\n%s", found, b.log())
	}
}

// A container finds its own limits, and nothing of the host's other groups.
func TestControlGroups(t *testing.T) {
	groups := must.Get[[]byte](t)(os.ReadFile("/proc/self/cgroup"))
	name := fmt.Sprintf("nova-init-test-%d", os.Getpid())
	var made []string
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, hierarchy := range []string{strings.TrimPrefix(parts[1], "name="), ""} { // of version 1, or 2
			dir := filepath.Join("/sys/fs/cgroup", hierarchy, parts[2], name)
			if _, err := os.Stat(filepath.Join(filepath.Dir(dir), "cgroup.procs")); err == nil && parts[1] != "cpuset" {
				if err := os.Mkdir(dir, 0o755); err == nil {
					made = append(made, dir)
					t.Cleanup(func() { waitFor(func() bool { return os.Remove(dir) == nil }) })
				}
				break
			}
		}
	}
	if len(made) == 0 {
		needs.Missing(t, "there are no control groups to make others in")
	}
	b := newBox(t)
	b.hosted.Groups = true
	b.start(script(`find /sys/fs/cgroup -type d
find /sys/fs/cgroup -name cgroup.procs | while read f; do echo procs $(wc -l <$f); done
cat /proc/self/cgroup; touch /sys/fs/cgroup/x || echo read-only`), func(pid int) {
		for _, dir := range made {
			if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
				t.Errorf("%s: %v", dir, err)
			}
		}
	})
	b.exit()
	log := b.log()
	if strings.Contains(log, name) || !strings.Contains(log, "procs ") || !strings.Contains(log, "read-only") {
		t.Errorf("%s\nmade %q\n%+v", log, made, b.status().Error)
	}
	for line := range strings.Lines(log) {
		if path, found := strings.CutPrefix(strings.TrimSpace(line), "/sys/fs/cgroup/"); found &&
			strings.Contains(path, "/") {
			t.Errorf("it sees another group: %s", path)
		}
	}
}
