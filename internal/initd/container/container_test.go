//go:build linux

package container

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

func TestAnApplicationSeesItsContainer(t *testing.T) {
	b := newBox(t)
	config := script(`
echo ids $(id -u) $(id -g) $(id -G)
echo range $(cat /proc/self/uid_map)
echo dir $(pwd)
printf 'value %s\n' "$ODD"
printf 'argument %s\n' "$1"
echo nova $(ls -A /.nova 2>/dev/null)
echo dev $(ls /dev)
echo root $(stat -c '%a %u' /)
echo owned $(stat -c '%u:%g' /srv/owned)
echo suid $(stat -c '%a %u' /bin/suid)
echo file $(stat -c '%a %u:%g' /etc/app/app.conf) $(cat /etc/app/app.conf)
echo made $(stat -c '%a %u:%g' /srv/deep/er)
echo name $(hostname) $(cat /etc/hostname)
cat /etc/hosts /etc/resolv.conf
echo data $(stat -c '%a %u:%g' /var/lib/data) $(ls /var/lib/data)
echo tmpfs $(stat -f -c '%T' /run) $(stat -c %a /run) $(stat -c %a /dev/shm)
echo more >>/etc/hosts && echo hosts writable
echo stdout again >/dev/stdout
echo stderr again >/dev/stderr
cat; echo stdin ends
mv /links /renamed && echo renamed
`)
	config.Process.Args = append(config.Process.Args, "sh", "one\ntwo <&>\"äö'$")
	config.Process.Env = append(config.Process.Env, "ODD=<&>\"äö\n$HOME'\\")
	config.Process.UID, config.Process.GID, config.Process.Groups = 0, 0, []uint32{7, 1000}
	config.Process.Dir = "/srv/deep/er"
	config.Files = []initd.File{{Path: "/etc/app/app.conf", Mode: 0o640, UID: 1000, GID: 7, Content: []byte("secret")}}
	config.Disks = []initd.Disk{{Name: "data", Path: "/var/lib/data"}}
	config.Tmpfs = []initd.Tmpfs{{Path: "/run", Size: 1 << 20, Mode: 0o755}, {Path: "/dev/shm", Size: 1 << 20}}
	config.Network.Hosts = []initd.Host{{Address: must.Value(parseAddr("192.0.2.9")), Names: []string{"db", "db.local"}}}
	config.Network.Nameservers = append(config.Network.Nameservers, must.Value(parseAddr("192.0.2.53")))
	config.Network.Search = []string{"example.org"}
	b.start(config)
	if code := b.exit(); code != 0 {
		t.Errorf("it ended with %d: %+v", code, b.status().Error)
	}
	want := `ids 0 0 0 7 1000
range 0 100000 65536
dir /srv/deep/er
value <&>"äö
$HOME'\
argument one
two <&>"äö'$
nova
dev core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero
root 751 0
owned 1000:1000
suid 4755 0
file 640 1000:7 secret
made 755 0:0
name web-1 web-1
127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
127.0.1.1	web-1
192.0.2.9	db db.local
search example.org
nameserver 192.0.2.53
data 755 0:0 lost+found
tmpfs tmpfs 755 1777
hosts writable
stdout again
stderr again
stdin ends
renamed
`
	if got := b.log(); got != want {
		t.Errorf("it sees:\n%s\nwant:\n%s", got, want)
	}
	s := b.status()
	if s.State != initd.StateExited || s.Exit == nil || s.Exit.Code != 0 || s.Revision != "r1" || s.Error != nil {
		t.Errorf("the status is %+v", s)
	}
}

func TestRootInsideIsAnotherUserOutside(t *testing.T) {
	b := newBox(t)
	b.start(script("echo ready; exec sleep 1000"))
	b.printed("ready")
	var found bool
	for _, file := range must.Get[[]string](t)(filepath.Glob("/proc/[0-9]*/status")) {
		text, _ := os.ReadFile(file)
		status := string(text)
		if !strings.Contains(status, "Name:\tsleep") || !strings.Contains(status, fmt.Sprintf("PPid:\t%d\n", b.process.Pid)) {
			continue
		}
		found = true
		for _, want := range []string{
			"Uid:\t100000\t100000\t100000\t100000", "Gid:\t100000\t100000\t100000\t100000", "NoNewPrivs:\t1", "Seccomp:\t2",
			"CapEff:\t00000000a80425fb", "CapBnd:\t00000000a80425fb", "CapInh:\t0000000000000000", "CapAmb:\t0000000000000000",
			"SigIgn:\t0000000000000000", "SigBlk:\t0000000000000000",
		} {
			if !strings.Contains(status, want) {
				t.Errorf("%q is missing in\n%s", want, status)
			}
		}
	}
	if !found {
		t.Error("there is no sleep")
	}
}

func TestAnApplicationCannotBreakOut(t *testing.T) {
	for _, user := range []uint32{0, 1000} {
		t.Run(strconv.Itoa(int(user)), func(t *testing.T) {
			b := newBox(t)
			config := script(`probe all; probe clone; echo done
mount -t tmpfs none /tmp && echo FAILED; unshare -r true && echo FAILED; nsenter -t 1 -m true && echo FAILED
mkdir /tmp/cg && mount -t cgroup -o memory none /tmp/cg && echo FAILED
find /sys/fs/cgroup -name release_agent | while read f; do echo x >"$f" && echo FAILED; done
find /sys /proc/sys -type f -writable 2>/dev/null | grep -v ^/proc/sys | head -3
chroot /links/root true; echo ended`)
			config.Process.UID = user
			b.start(config)
			if code := b.exit(); code != 0 {
				t.Errorf("it ended with %d: %+v", code, b.status().Error)
			}
			log := b.log()
			for name := range attempts {
				at := strings.Index(log, "attempt "+name+": ")
				if at < 0 || strings.HasPrefix(log[at:], "attempt "+name+": <nil>") {
					t.Errorf("%s was not refused", name)
				}
			}
			if strings.Contains(log, "FAILED") || !strings.Contains(log, "ended") {
				t.Error("something was not refused")
			}
			if t.Failed() {
				t.Log(log)
			}
		})
	}
}

func TestOutputThatNobodyReads(t *testing.T) {
	b := newBox(t)
	b.start(script("probe flood 104857600; echo end of it"))
	if code := b.exit(); code != 0 {
		t.Fatalf("it ended with %d: %+v", code, b.status())
	}
	log := b.log()
	if len(log) > 8<<20 || len(log) < 4<<20-1000 || !strings.HasSuffix(log, "0\nend of it\n") {
		t.Errorf("the log has %d bytes, and ends with %q", len(log), log[max(0, len(log)-100):])
	}
	for line := range strings.Lines(log) {
		if len(line) != 64 && line != "end of it\n" {
			t.Fatalf("there is a line %q", line)
		}
	}
}

func TestAnApplicationIsStopped(t *testing.T) {
	for name, c := range map[string]struct {
		script  string
		stop    initd.Stop
		code    int
		signal  int
		printed string
	}{
		"at once":     {"echo ready; exec sleep 1000", initd.Stop{Timeout: 60_000}, 143, 15, "ready"},
		"politely":    {"trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done", initd.Stop{Timeout: 60_000}, 3, 0, "bye"},
		"by another":  {"trap 'echo bye; exit 0' QUIT; echo ready; while :; do sleep 0.01; done", initd.Stop{Signal: 3, Timeout: 60_000}, 0, 0, "bye"},
		"by force":    {"trap '' TERM; echo ready; while :; do sleep 0.01; done", initd.Stop{Timeout: 100}, 137, 9, "is killed"},
		"with others": {"trap '' TERM; (trap '' TERM; sleep 1000) & trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done", initd.Stop{Timeout: 60_000}, 0, 0, "ready"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			config := script(c.script)
			config.Stop, config.Restart = c.stop, initd.RestartAlways
			b.start(config)
			b.printed("ready")
			b.signal(syscall.SIGTERM)
			if code := b.exit(); code != c.code {
				t.Errorf("it ended with %d", code)
			}
			s := b.status()
			if s.State != initd.StateExited || s.Exit == nil || s.Exit.Code != c.code || s.Exit.Signal != c.signal {
				t.Errorf("the status is %+v %+v", s, s.Exit)
			}
			if !strings.Contains(b.log(), c.printed) {
				t.Errorf("the log is %s", b.log())
			}
		})
	}
}

func TestOtherSignalsReachTheApplication(t *testing.T) {
	b := newBox(t)
	b.start(script("trap 'echo usr1' USR1; trap 'echo got int; exit 5' INT; echo ready; while :; do sleep 0.01; done"))
	b.printed("ready")
	b.signal(syscall.SIGUSR1)
	b.printed("usr1")
	b.signal(syscall.SIGINT)
	if code := b.exit(); code != 5 {
		t.Errorf("it ended with %d", code)
	}
}

func TestOrphansAreReaped(t *testing.T) {
	b := newBox(t)
	b.start(script(`for i in $(seq 50); do (true & true); (sh -c 'true &'); done
for i in $(seq 500); do grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null || { echo no zombies; break; }; sleep 0.01; done
echo processes $(ls -d /proc/[0-9]* | wc -l)`))
	b.exit()
	if log := b.log(); !strings.Contains(log, "no zombies") {
		t.Error(log)
	}
}

func TestRestarts(t *testing.T) {
	const count = `n=$(cat /srv/n 2>/dev/null || echo 0); echo $((n+1)) >/srv/n; echo run $n; sleep 1000 & `
	for name, c := range map[string]struct {
		restart  initd.Restart
		script   string
		restarts int
		code     int
	}{
		"no":                    {initd.RestartNo, count + "exit 4", 0, 4},
		"never after a success": {initd.RestartOnFailure, count + "exit 0", 0, 0},
		"on failure":            {initd.RestartOnFailure, count + "[ $n -ge 2 ] && exit 0; exit 7", 2, 0},
		"by a signal":           {initd.RestartOnFailure, count + "[ $n -ge 1 ] && exit 0; kill -9 $$", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			config := script(c.script)
			config.Restart = c.restart
			b.start(config)
			if code := b.exit(); code != c.code {
				t.Errorf("it ended with %d", code)
			}
			s := b.status()
			if s.Restarts != c.restarts || s.State != initd.StateExited || s.Exit.Code != c.code {
				t.Errorf("the status is %+v\n%s", s, b.log())
			}
			if !strings.Contains(b.log(), fmt.Sprintf("run %d\n", c.restarts)) {
				t.Error(b.log())
			}
		})
	}
	t.Run("always", func(t *testing.T) {
		b := newBox(t)
		config := script("echo again; exit 0")
		config.Restart = initd.RestartAlways
		b.start(config)
		b.until("several restarts", func(s initd.Status) bool { return s.Restarts >= 2 && s.State == initd.StateWaiting })
		b.signal(syscall.SIGTERM) // while it waits
		b.exit()
		if s := b.status(); s.State != initd.StateExited || s.Exit == nil || s.Exit.Code != 0 {
			t.Errorf("the status is %+v %+v", s, s.Exit)
		}
	})
}

func TestHealth(t *testing.T) {
	b := newBox(t)
	config := script("touch /tmp/well; echo ready; trap 'rm /tmp/well' USR1; trap 'touch /tmp/slow' USR2; while :; do sleep 0.01; done")
	config.Health = &initd.Health{
		Args:     []string{"/bin/sh", "-c", "echo as $(id -u) $VALUE; [ -e /tmp/slow ] && sleep 1000; exec cat /tmp/well"},
		Interval: 50, Timeout: 200, Retries: 3,
	}
	config.Process.UID, config.Process.Env = 1000, append(config.Process.Env, "VALUE=v")
	b.start(config)
	s := b.until("healthy", func(s initd.Status) bool { return s.Health != nil && s.Health.State == initd.HealthHealthy })
	if s.Health.Output != "as 1000 v\n" {
		t.Errorf("it printed %q", s.Health.Output)
	}
	b.signal(syscall.SIGUSR1)
	s = b.until("unhealthy", func(s initd.Status) bool { return s.Health.State == initd.HealthUnhealthy })
	if s.Health.Code != 1 || !strings.Contains(s.Health.Output, "No such file") || s.Health.Failures < 3 ||
		s.State != initd.StateRunning {
		t.Errorf("the health is %+v", s.Health)
	}
	b.signal(syscall.SIGUSR2)
	b.until("a check that takes too long", func(s initd.Status) bool {
		return strings.Contains(s.Health.Output, "in time") && s.Health.Code == 137
	})
}

func TestAnApplicationThatCannotStart(t *testing.T) {
	for program, want := range map[string]string{
		"nosuch":       "cannot start [nosuch]: no such file",
		"/bin/nosuch":  "cannot start [/bin/nosuch]: no such file",
		"plain":        "cannot start [plain]: permission denied",
		"/srv":         "cannot start [/srv]: permission denied",
		"/bin/orphan":  "cannot start [/bin/orphan]: its interpreter does not exist",
		"text":         "cannot start [text]: it is not a program for this machine, or a script without an interpreter",
		"/srv/owned/x": "cannot start [/srv/owned/x]: not a directory",
	} {
		t.Run(program, func(t *testing.T) {
			b := newBox(t)
			config := script("")
			config.Process.Args, config.Restart = []string{program}, initd.RestartAlways
			b.start(config)
			if code := b.exit(); code != 127 {
				t.Errorf("it ended with %d", code)
			}
			s := b.status()
			if s.State != initd.StateFailed || s.Error == nil || s.Error.Code != initd.FailedStart || s.Error.Message != want {
				t.Errorf("the status is %+v %+v", s, s.Error)
			}
		})
	}
}

func TestAContainerThatCannotStart(t *testing.T) {
	valid := func(change func(*initd.Config)) []byte {
		config := script("true")
		change(&config)
		return must.Value(config.Marshal())
	}
	for name, c := range map[string]struct {
		config []byte
		code   initd.FailureCode
		says   string
	}{
		"no JSON":       {[]byte("{"), initd.FailedConfig, "unexpected end"},
		"another field": {[]byte(`{"version":1,"upper":"disk","surprise":1}`), initd.FailedConfig, `unknown field "surprise"`},
		"a new version": {[]byte(`{"version":2,"surprise":1}`), initd.FailedConfig, "version 2"},
		"no such disk": {valid(func(c *initd.Config) { c.Disks = []initd.Disk{{Name: "other", Path: "/x"}} }),
			initd.FailedRoot, "/.nova/disks/other"},
		"over a file": {valid(func(c *initd.Config) { c.Disks = []initd.Disk{{Name: "data", Path: "/srv/owned"}} }),
			initd.FailedRoot, "not a directory"},
		"no such interface": {valid(func(c *initd.Config) {
			c.Network.Interfaces = []initd.Interface{{Name: "eth0", MAC: "52:54:00:00:00:99"}}
		}), initd.FailedNetwork, "52:54:00:00:00:99"},
		"a file over a pipe": {valid(func(c *initd.Config) { c.Files = []initd.File{{Path: "/srv/pipe"}} }),
			initd.FailedFiles, "/srv/pipe"},
		"a file through a link": {valid(func(c *initd.Config) {
			c.Files = []initd.File{{Path: "/links/out/core_pattern", Content: []byte("x")}}
		}), initd.FailedFiles, "core_pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			b.write("config.json", append(slices.Clone(c.config), make([]byte, 100)...))
			b.launch()
			if code := b.exit(); code != noStart {
				t.Errorf("it ended with %d", code)
			}
			s := b.status()
			if s.State != initd.StateFailed || s.Error == nil || s.Error.Code != c.code || !strings.Contains(s.Error.Message, c.says) {
				t.Errorf("the status is %+v %+v", s, s.Error)
			}
		})
	}
}

func TestWhatIsKept(t *testing.T) {
	const text = `[ -e /srv/mine ] && echo upper kept; [ -e /data/mine ] && echo data kept
echo mine >/srv/mine; echo mine >/data/mine; chown 1000:1000 /data/mine; echo changed >>/srv/owned; cat /srv/owned; stat -c %u:%g /data/mine /srv/owned`
	for upper, want := range map[initd.Upper]string{
		initd.UpperDisk:   "theirs\nchanged\n1000:1000\n1000:1000\nupper kept\ndata kept\ntheirs\nchanged\nchanged\n1000:1000\n1000:1000\n",
		initd.UpperMemory: "theirs\nchanged\n1000:1000\n1000:1000\ndata kept\ntheirs\nchanged\n1000:1000\n1000:1000\n",
	} {
		t.Run(string(upper), func(t *testing.T) {
			b := newBox(t)
			b.hosted.Memory = upper == initd.UpperMemory
			config := script(text)
			config.Upper, config.Disks = upper, []initd.Disk{{Name: "data", Path: "/data"}}
			for range 2 {
				b.start(config)
				if code := b.exit(); code != 0 {
					t.Fatalf("it ended with %d: %+v", code, b.status().Error)
				}
			}
			if got := b.log(); got != want {
				t.Errorf("it printed %q, want %q", got, want)
			}
			// The data disk has the container's own ids, whichever the host's are.
			if owner := run(t, "debugfs", "-R", "stat /mine", filepath.Join(b.dir, "data.raw")); !strings.Contains(owner, "User:  1000") {
				t.Error(owner)
			}
			run(t, "e2fsck", "-fn", filepath.Join(b.dir, "data.raw"))
			run(t, "e2fsck", "-fn", filepath.Join(b.dir, "root.raw"))
		})
	}
	t.Run("by other users", func(t *testing.T) {
		b := newBox(t)
		config := script("true")
		b.start(config)
		b.exit()
		config.Users.First = 200000
		b.start(config)
		b.exit()
		if s := b.status(); s.Error == nil || s.Error.Code != initd.FailedRoot || !strings.Contains(s.Error.Message, "from 100000 on") {
			t.Errorf("the status is %+v", s.Error)
		}
	})
}

func TestAPrivilegedContainer(t *testing.T) {
	b := newBox(t)
	config := script("cat /proc/self/uid_map; mount -t tmpfs none /tmp && echo mounted; grep -E 'NoNewPrivs|Seccomp:' /proc/self/status")
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
	config := script(`for f in /proc/[0-9]*; do
  p=${f#/proc/}; [ $p = $$ ] && continue
  grep -l s3cr3t $f/cmdline $f/environ 2>/dev/null
done
grep -rl s3cr3t / --include='*' 2>/dev/null | grep -v '^/proc/' | head
ls -la /proc/1/fd 2>&1 | head -3; echo ended`)
	config.Process.Args[2] += "\n"
	config.Files = []initd.File{{Path: "/srv/key", Mode: 0o600, UID: 5, Content: []byte("s3cr3t")}}
	config.Process.UID = 1000
	b.start(config)
	b.exit()
	if log := b.log(); strings.Contains(strings.ReplaceAll(log, "Permission", ""), "/srv/key") || !strings.Contains(log, "ended") {
		t.Error(log)
	}
	for _, line := range strings.Split(b.log(), "\n") {
		if strings.HasPrefix(line, "/") {
			t.Errorf("the secret is in %s", line)
		}
	}
}

func TestASystemContainer(t *testing.T) {
	b := newBox(t)
	b.hosted.Disks = nil
	config := initd.Config{
		Revision: "r1", Hostname: "sys", System: true, Privileged: true, Upper: initd.UpperDisk,
		Seed: map[string][]byte{"user-data": []byte("#cloud-config\n"), "meta-data": []byte("instance-id: i\n")},
		Files: []initd.File{{Path: "/sbin/init", Mode: 0o755, Content: []byte("#!/bin/sh\n" +
			"PATH=/bin\nexec >/root/out 2>&1\necho pid $$ $container; cat /var/lib/cloud/seed/nocloud/*; hostname; ls -A /.nova /dev; ls -l /proc/1/fd; exit 9\n")}},
	}
	b.start(config)
	if code := b.exit(); code != 9 {
		t.Errorf("it ended with %d: %s %+v", code, &b.console, b.status().Error)
	}
	out := run(t, "debugfs", "-R", "cat /.layer/upper/root/out", filepath.Join(b.dir, "root.raw"))
	for _, want := range []string{"pid 1 lxc-libvirt", "#cloud-config", "instance-id: i", "sys\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in %s", want, out)
		}
	}
	if strings.Contains(out, "config.json") || strings.Contains(out, "memfd") {
		t.Errorf("it sees files of nova-init: %s", out)
	}
	if s := b.status(); s.State != initd.StateRunning {
		t.Errorf("the status is %+v", s)
	}
}

func TestGrowth(t *testing.T) {
	b := newBox(t)
	config := script("echo ready; while read x </srv/pipe; do df -k /data /; done")
	config.Disks = []initd.Disk{{Name: "data", Path: "/data"}}
	b.start(config)
	b.printed("ready")
	if err := os.Truncate(filepath.Join(b.dir, "data.raw"), 40<<20); err != nil {
		t.Fatal(err)
	}
	config.Request = 7
	b.write("config.json", must.Value(config.Marshal()))
	b.signal(syscall.SIGHUP)
	s := b.until("the answer", func(s initd.Status) bool { return s.Request == 7 })
	if len(s.Disks) != 1 || s.Disks[0].Name != "data" {
		t.Fatalf("the disks are %+v", s.Disks)
	}
	// Growing takes CAP_SYS_RESOURCE, which this machine may not have itself.
	if mayGrow(t) && (s.Disks[0].Error != "" || s.Disks[0].Size != 40<<20) {
		t.Errorf("the disk is %+v", s.Disks[0])
	}
	if !mayGrow(t) && !strings.Contains(s.Disks[0].Error, "growing the file system: operation not permitted") {
		t.Errorf("the disk is %+v", s.Disks[0])
	}
	if s.State != initd.StateRunning || s.Error != nil {
		t.Errorf("the status is %+v", s)
	}
}

func mayGrow(t *testing.T) bool {
	t.Helper()
	for line := range strings.Lines(string(must.Get[[]byte](t)(os.ReadFile("/proc/self/status")))) {
		if value, found := strings.CutPrefix(line, "CapEff:\t"); found {
			set := must.Value(strconv.ParseUint(strings.TrimSpace(value), 16, 64))
			return set>>24&1 == 1
		}
	}
	return false
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
	b.start(script(`find /sys/fs/cgroup -type d; find /sys/fs/cgroup -name cgroup.procs | while read f; do echo procs $(wc -l <$f); done
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
		if path, found := strings.CutPrefix(strings.TrimSpace(line), "/sys/fs/cgroup/"); found && strings.Contains(path, "/") {
			t.Errorf("it sees another group: %s", path)
		}
	}
}

func TestStartIsQuick(t *testing.T) {
	b := newBox(t)
	b.start(script("exec sleep 1000"))
	s := b.until("running", func(s initd.Status) bool { return s.State == initd.StateRunning })
	t.Logf("running %v after the start of nova-init", s.Updated.Sub(s.Started))
	if took := s.Updated.Sub(s.Started); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}
