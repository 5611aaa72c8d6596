//go:build linux

package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

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
		"no JSON": {[]byte("{"), initd.FailedConfig, "unexpected end"},
		"another field": {[]byte(`{"version":1,"upper":"disk","surprise":1}`), initd.FailedConfig,
			`unknown field "surprise"`},
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
			if s.State != initd.StateFailed || s.Error == nil || s.Error.Code != c.code ||
				!strings.Contains(s.Error.Message, c.says) {
				t.Errorf("the status is %+v %+v", s, s.Error)
			}
		})
	}
}

func TestWhatIsKept(t *testing.T) {
	const text = `[ -e /srv/mine ] && echo upper kept; [ -e /data/mine ] && echo data kept
echo mine >/srv/mine; echo mine >/data/mine; chown 1000:1000 /data/mine; echo changed >>/srv/owned
cat /srv/owned; stat -c %u:%g /data/mine /srv/owned`
	for upper, want := range map[initd.Upper]string{
		initd.UpperDisk:   "upper kept\ndata kept\ntheirs\nchanged\nchanged\n1000:1000\n1000:1000\n",
		initd.UpperMemory: "data kept\ntheirs\nchanged\n1000:1000\n1000:1000\n",
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
			const first = "theirs\nchanged\n1000:1000\n1000:1000\n"
			if got := b.log(); got != first+want {
				t.Errorf("it printed %q, want %q", got, first+want)
			}
			// The data disk has the container's own ids, whichever the host's are.
			if owner := run(t, "debugfs", "-R", "stat /mine",
				filepath.Join(b.dir, "data.raw")); !strings.Contains(owner, "User:  1000") {
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
		if s := b.status(); s.Error == nil || s.Error.Code != initd.FailedRoot ||
			!strings.Contains(s.Error.Message, "from 100000 on") {
			t.Errorf("the status is %+v", s.Error)
		}
	})
}

func TestADiskBelongsToWhomTheImageSays(t *testing.T) {
	b := newBox(t)
	config := script("stat -c '%a %u:%g' /srv/state; " +
		"echo kept >/srv/state/file && cat /srv/state/file; chmod 700 /srv/state")
	config.Process.UID = 1000
	config.Disks = []initd.Disk{{Name: "data", Path: "/srv/state"}}
	for range 2 {
		b.start(config)
		b.exit()
	}
	if got, want := b.log(), "2770 1000:7\nkept\n700 1000:7\nkept\n"; got != want {
		t.Errorf("it printed %q, want %q: %+v", got, want, b.status().Error)
	}
	run(t, "e2fsck", "-fn", filepath.Join(b.dir, "data.raw"))
}

// An owner that the container does not have would be a user of the host's own.
func TestADiskDoesNotBelongToAUserOfTheHost(t *testing.T) {
	b := newBox(t)
	config := script("stat -c '%a %u:%g' /srv/strange /srv/strange/file")
	config.Disks = []initd.Disk{{Name: "data", Path: "/srv/strange"}}
	config.Files = []initd.File{{Path: "/srv/strange/file", UID: 65535, GID: 65535}}
	b.start(config)
	b.exit()
	if got, want := b.log(), "750 0:0\n0 65535:65535\n"; got != want {
		t.Errorf("it printed %q, want %q: %+v", got, want, b.status().Error)
	}
	owner := run(t, "debugfs", "-R", "stat <2>", filepath.Join(b.dir, "data.raw"))
	if !strings.Contains(owner, "User:     0   Group:     0") {
		t.Error(owner)
	}
}

func TestASystemContainer(t *testing.T) {
	b := newBox(t)
	b.hosted.Disks = nil
	config := initd.Config{
		Revision: "r1", Hostname: "sys", System: true, Privileged: true, Upper: initd.UpperDisk,
		Seed: map[string][]byte{"user-data": []byte("#cloud-config\n"), "meta-data": []byte("instance-id: i\n")},
		Files: []initd.File{{Path: "/sbin/init", Mode: 0o755, Content: []byte("#!/bin/sh\n" +
			"PATH=/bin\nexec >/root/out 2>&1\necho pid $$ $container; cat /var/lib/cloud/seed/nocloud/*\n" +
			"hostname; ls -A /.nova /dev; ls -l /proc/1/fd\n" +
			"exec >/dev/console; echo on the console; for i in $(seq 2000); do echo \"$(printf '%099d' $i)\"; done\n" +
			"echo last; read -r wait </srv/pipe; exit 9\n")}},
	}
	b.start(config)
	b.printed("last\n") // with nobody who reads
	end := must.Get[*os.File](t)(os.OpenFile(fmt.Sprintf("/proc/%d/root/srv/pipe", b.process.Pid), os.O_WRONLY, 0))
	must.Get[int](t)(end.WriteString("now\n"))
	end.Close()
	if code := b.exit(); code != 9 {
		t.Errorf("it ended with %d: %s %+v", code, &b.console, b.status().Error)
	}
	if log := b.log(); !strings.HasPrefix(log, "on the console\n") || len(log) < 200_000 ||
		strings.Contains(log, "\r") {
		t.Errorf("the log has %d bytes, and begins with %q", len(log), log[:min(len(log), 100)])
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
	path := filepath.Join(b.dir, "config.json")
	before := must.Get[os.FileInfo](t)(os.Stat(path)).ModTime()
	b.write("config.json", must.Value(config.Marshal()))
	if err := os.Chtimes(path, before, before); err != nil { // only the signal says that it was written
		t.Fatal(err)
	}
	b.signal(syscall.SIGHUP)
	s := b.until("the answer", func(s initd.Status) bool { return s.Request == 7 })
	if len(s.Disks) != 1 || s.Disks[0].Name != "data" {
		t.Fatalf("the disks are %+v", s.Disks)
	}
	mayGrow := needs.HasCapability(unix.CAP_SYS_RESOURCE) // which this machine may not have itself
	if mayGrow && (s.Disks[0].Error != "" || s.Disks[0].Size != 40<<20) {
		t.Errorf("the disk is %+v", s.Disks[0])
	}
	if !mayGrow && !strings.Contains(s.Disks[0].Error, "growing the file system: operation not permitted") {
		t.Errorf("the disk is %+v", s.Disks[0])
	}
	if s.State != initd.StateRunning || s.Error != nil {
		t.Errorf("the status is %+v", s)
	}
}

// A host that cannot send signals stops a container by its configuration. A container that was started later is not
// meant.
func TestAHaltInTheConfiguration(t *testing.T) {
	b := newBox(t)
	config := script("trap 'echo asked to stop; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
	config.Halt = time.Now().Add(-time.Hour)
	b.start(config)
	b.printed("ready")
	var s initd.Status
	for request := range uint64(2) { // the second answer shows what the first has led to
		config.Halt, config.Request = b.status().Started.Add(-time.Nanosecond), request+1
		b.write("config.json", must.Value(config.Marshal()))
		s = b.until("the answer", func(s initd.Status) bool { return s.Request == request+1 })
	}
	if s.State != initd.StateRunning || strings.Contains(b.log(), "asked to stop") {
		t.Errorf("the status is %+v, and the log\n%s", s, b.log())
	}
	config.Halt = s.Started
	b.write("config.json", must.Value(config.Marshal()))
	if code := b.exit(); code != 5 {
		t.Errorf("it ended with %d", code)
	}
	if s := b.status(); s.State != initd.StateExited || !s.Stopped {
		t.Errorf("the status is %+v", s)
	}
}

// Signals that come before the application runs are not lost, and end nothing but the application.
func TestSignalsWhileItStarts(t *testing.T) {
	b := newBox(t)
	pipe := b.launchSlowly()
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGWINCH} {
		b.signal(s)
	}
	text := must.Value(script("echo ready; exec sleep 1000").Marshal())
	must.Get[int](t)(pipe.Write(text))
	pipe.Close()
	b.printed("reading the configuration again: ") // which fails: a pipe does not go back
	b.printed("ready")
	if s := b.status(); s.State != initd.StateRunning {
		t.Errorf("the status is %+v", s)
	}
	b.signal(syscall.SIGTERM)
	if code := b.exit(); code != 143 {
		t.Errorf("it ended with %d", code)
	}
}

// A container that is stopped while it starts does not go on running.
func TestAStopWhileItStarts(t *testing.T) {
	b := newBox(t)
	pipe := b.launchSlowly()
	b.signal(syscall.SIGTERM)
	must.Get[int](t)(pipe.Write(must.Value(script("exec sleep 1000").Marshal())))
	pipe.Close()
	if code := b.exit(); code != 143 {
		t.Errorf("it ended with %d", code)
	}
	if s := b.status(); s.State != initd.StateExited {
		t.Errorf("the status is %+v", s)
	}
}
