//go:build linux

package container

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
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
	config.Network.Hosts = []initd.Host{{Address: must.Value(parseAddr("192.0.2.9")),
		Names: []string{"db", "db.local"}}}
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
		"at once": {"echo ready; exec sleep 1000", initd.Stop{Timeout: 60_000}, 143, 15, "ready"},
		"politely": {"trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
			initd.Stop{Timeout: 60_000}, 3, 0, "bye"},
		"by another": {"trap 'echo bye; exit 0' QUIT; echo ready; while :; do sleep 0.01; done",
			initd.Stop{Signal: 3, Timeout: 60_000}, 0, 0, "bye"},
		"by force": {"trap '' TERM; echo ready; while :; do sleep 0.01; done", initd.Stop{Timeout: 100}, 137, 9,
			"is killed"},
		"with others": {"(trap '' TERM; sleep 1000) & trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done",
			initd.Stop{Timeout: 60_000}, 0, 0, "ready"},
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
for i in $(seq 500); do grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null ||
	{ echo no zombies; break; }; sleep 0.01; done
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
		b.until("several restarts", func(s initd.Status) bool {
			return s.Restarts >= 2 &&
				s.State == initd.StateWaiting
		})
		b.signal(syscall.SIGTERM) // while it waits
		b.exit()
		if s := b.status(); s.State != initd.StateExited || s.Exit == nil || s.Exit.Code != 0 {
			t.Errorf("the status is %+v %+v", s, s.Exit)
		}
	})
}

func TestHealth(t *testing.T) {
	b := newBox(t)
	config := script("trap 'rm /tmp/well' USR1; touch /tmp/well; while :; do sleep 0.01; done")
	config.Health = &initd.Health{
		Args:     []string{"/bin/sh", "-c", "echo as $(id -u) $VALUE; exec cat /tmp/well"},
		Interval: 50, Timeout: 30_000, Retries: 3,
	}
	config.Process.UID, config.Process.Env = 1000, append(config.Process.Env, "VALUE=v")
	b.start(config)
	s := b.until("healthy", func(s initd.Status) bool {
		return s.Health != nil && s.Health.State == initd.HealthHealthy
	})
	if s.Health.Output != "as 1000 v\n" {
		t.Errorf("it printed %q", s.Health.Output)
	}
	b.signal(syscall.SIGUSR1)
	s = b.until("unhealthy", func(s initd.Status) bool { return s.Health.State == initd.HealthUnhealthy })
	if s.Health.Code != 1 || !strings.Contains(s.Health.Output, "No such file") || s.Health.Failures < 3 ||
		s.State != initd.StateRunning {
		t.Errorf("the health is %+v", s.Health)
	}
}

// A check that takes too long is ended, with what it has started.
func TestAHealthCheckThatHangs(t *testing.T) {
	b := newBox(t)
	config := script("exec sleep 1000")
	config.Health = &initd.Health{
		Args:     []string{"sh", "-c", "echo begun; setsid sleep 2000 & sleep 3000"},
		Interval: 50, Timeout: 200, Retries: 1,
	}
	b.start(config)
	s := b.until("unhealthy", func(s initd.Status) bool {
		return s.Health != nil && s.Health.State == initd.HealthUnhealthy
	})
	if s.Health.Code != 137 || !strings.Contains(s.Health.Output, "in time") {
		t.Errorf("the health is %+v", s.Health)
	}
	b.signal(syscall.SIGTERM)
	b.exit()
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
			if s.State != initd.StateFailed || s.Error == nil || s.Error.Code != initd.FailedStart ||
				s.Error.Message != want {
				t.Errorf("the status is %+v %+v", s, s.Error)
			}
		})
	}
}
