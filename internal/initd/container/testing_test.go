//go:build linux

package container

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/initd/confine"
)

// The test's own binary is also nova-init, what libvirt does before it, and a program in the
// container that tries to break out.
const (
	asLibvirt = "libvirt"
	asProbe   = "/bin/probe"
)

func TestMain(m *testing.M) {
	confine.Stage(os.Args)
	switch os.Args[0] {
	case "/.nova/init":
		os.Exit(Run(patience)) // a machine that is busy must lose no output
	case asLibvirt:
		fmt.Fprintln(os.Stderr, beLibvirt(os.Args[1]))
		os.Exit(1)
	case asProbe, filepath.Base(asProbe):
		os.Exit(probe(os.Args[1:]))
	}
	code := m.Run()
	if scratch != "" {
		os.RemoveAll(scratch)
	}
	os.Exit(code)
}

// scratch is a directory for what all tests share, once there is one.
var scratch string

// program is the test's binary, as a container can run it: without cgo, which the race detector needs.
var program = sync.OnceValues(func() (string, error) {
	self := fmt.Sprintf("/proc/%d/exe", os.Getpid())
	file, err := elf.Open(self)
	if err != nil {
		return "", err
	}
	defer file.Close()
	dynamic := slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	if !dynamic {
		return self, nil
	}
	static := filepath.Join(scratch, "container.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-race=false", "-o", static, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the tests without cgo: %w\n%s", err, out)
	}
	return static, nil
})

// image makes the image once: busybox, and a few traps.
var image = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "nova-init")
	if err != nil {
		return "", err
	}
	scratch = dir
	binary, err := program()
	if err != nil {
		return "", err
	}
	script := `set -e
cd "$1"
mkdir -p tree/bin tree/sbin tree/etc tree/tmp tree/root tree/proc tree/sys tree/dev tree/var/lib tree/srv tree/links
chmod 1777 tree/tmp
cp "$(command -v busybox)" tree/bin/busybox
for applet in $(busybox --list); do [ -e tree/bin/$applet ] || ln -s busybox tree/bin/$applet; done
cp "$2" tree/bin/probe
printf 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n' >tree/etc/passwd
ln -s ../run/nowhere/resolv.conf tree/etc/resolv.conf
ln -s /../../../../../../proc/sys/kernel tree/links/out
ln -s / tree/links/root
echo theirs >tree/srv/owned && chown 1000:1000 tree/srv/owned
cp tree/bin/busybox tree/bin/suid && chmod 4755 tree/bin/suid
mknod tree/srv/mem c 1 1 && chmod 666 tree/srv/mem
mkfifo tree/srv/pipe
mkdir tree/srv/state && chown 1000:7 tree/srv/state && chmod 2770 tree/srv/state
mkdir tree/srv/strange && chown 70000:80000 tree/srv/strange && chmod 750 tree/srv/strange
printf '#!/nowhere/sh\n' >tree/bin/orphan && chmod 755 tree/bin/orphan
echo text >tree/bin/text && chmod 755 tree/bin/text
echo text >tree/bin/plain
mke2fs -q -t ext4 -d tree base.raw 64M
debugfs -w -R 'set_inode_field / mode 040751' base.raw 2>&1
mkdir -p upper/.nova/lower upper/.nova/upper upper/.nova/disks/data upper/.oldroot upper/proc upper/sys upper/dev
mke2fs -q -t ext4 -d upper root.raw 32M
mke2fs -q -t ext4 -E root_owner=0:0 data.raw 8M
`
	out, err := exec.Command("sh", "-c", script, "sh", dir, binary).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("making the image: %w\n%s", err, out)
	}
	return dir, nil
})

// box is a container that is started as libvirt does.
type box struct {
	t       *testing.T
	dir     string // its volumes
	hosted  hosted
	process *os.Process
	ended   chan struct{}
	code    int
	console strings.Builder
}

// newBox makes the volumes of a container.
func newBox(t *testing.T) *box {
	t.Helper()
	if testing.Short() {
		t.Skip("the race detector sees nothing of other processes")
	}
	for _, tool := range []string{"busybox", "mke2fs", "debugfs", "e2fsck", "mount"} {
		needs.Installed(t, tool)
	}
	if os.Getuid() != 0 {
		needs.Missing(t, "containers need root")
	}
	dir, err := image()
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, dir: t.TempDir()}
	b.hosted = hosted{Dir: b.dir, Disks: []string{"data"}}
	for _, name := range []string{"root.raw", "data.raw"} {
		run(t, "cp", "--sparse=always", filepath.Join(dir, name), b.dir)
	}
	for _, step := range []error{
		os.Mkdir(filepath.Join(b.dir, "root"), 0o700),
		os.Symlink(filepath.Join(dir, "base.raw"), filepath.Join(b.dir, "base.raw")),
		os.WriteFile(filepath.Join(b.dir, "status"), make([]byte, initd.StatusSize), 0o600),
		os.WriteFile(filepath.Join(b.dir, "log"), nil, 0o600),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	run(t, "cp", must.Get[string](t)(program()), filepath.Join(b.dir, "init"))
	if err := os.Chmod(filepath.Join(b.dir, "init"), 0o500); err != nil { // as a volume of libvirt's
		t.Fatal(err)
	}
	return b
}

func run(t testing.TB, command ...string) string {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	return string(out)
}

// script is a configuration that runs a shell script.
func script(text string) initd.Config {
	return initd.Config{
		Revision: "r1",
		Hostname: "web-1",
		Users:    initd.IDRange{First: 100000, Count: 65536},
		Upper:    initd.UpperDisk,
		Process:  initd.Process{Args: []string{"sh", "-c", text}, Env: []string{"PATH=/bin"}},
		Stop:     initd.Stop{Timeout: 10_000},
	}
}

func (b *box) write(name string, data []byte) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// start starts the container. Connect is called while its network namespace is still empty.
func (b *box) start(config initd.Config, connect ...func(pid int)) {
	b.t.Helper()
	text, err := config.Marshal()
	if err != nil {
		b.t.Fatal(err)
	}
	b.write("config.json", text)
	b.launch(connect...)
}

func (b *box) launch(connect ...func(pid int)) {
	b.t.Helper()
	h, err := json.Marshal(b.hosted)
	if err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", string(h))
	cmd.Args[0] = asLibvirt
	cmd.Stdout, cmd.Stderr = &b.console, &b.console
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	ready, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.process, b.ended = cmd.Process, make(chan struct{})
	for _, c := range connect {
		c(cmd.Process.Pid)
	}
	ready.Close()
	ended := b.ended
	go func() {
		defer close(ended)
		if exit, ok := errors.AsType[*exec.ExitError](cmd.Wait()); ok {
			b.code = exit.ExitCode()
		} else {
			b.code = 0
		}
	}()
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
}

// launchSlowly starts a container that waits for its configuration, which is written to a pipe and
// ends with it.
func (b *box) launchSlowly() *os.File {
	b.t.Helper()
	config := filepath.Join(b.dir, "config.json")
	if err := unix.Mkfifo(config, 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.launch()
	var pipe *os.File
	if !waitFor(func() bool {
		var err error
		pipe, err = os.OpenFile(config, os.O_WRONLY|unix.O_NONBLOCK, 0) // which works while it is being read
		return err == nil
	}) {
		b.t.Fatalf("nova-init does not read its configuration: %s", &b.console)
	}
	b.until("starting", func(s initd.Status) bool { return s.State == initd.StateStarting })
	return pipe
}

func (b *box) status() initd.Status {
	b.t.Helper()
	page, err := os.ReadFile(filepath.Join(b.dir, "status"))
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := initd.DecodeStatus(page)
	if err != nil {
		return initd.Status{}
	}
	return s
}

func (b *box) log() string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "log"))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

const patience = time.Minute

// until waits for a status.
func (b *box) until(what string, is func(initd.Status) bool) initd.Status {
	b.t.Helper()
	var s initd.Status
	if !waitFor(func() bool { s = b.status(); return is(s) }) {
		b.t.Fatalf("it does not come to that: %s\nstatus: %+v %+v\nconsole: %s\nlog: %s", what, s, s.Error,
			&b.console, b.log())
	}
	return s
}

// printed waits until the log has a text.
func (b *box) printed(text string) {
	b.t.Helper()
	if !waitFor(func() bool { return strings.Contains(b.log(), text) }) {
		b.t.Fatalf("the log never has %q:\n%s%s", text, b.log(), &b.console)
	}
}

func waitFor(fact func() bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if fact() {
			return true
		}
	}
	return false
}

// exit waits for the end of the container, and returns its exit code.
func (b *box) exit() int {
	b.t.Helper()
	select {
	case <-b.ended:
	case <-time.After(patience):
		b.t.Fatalf("it does not end: %+v\n%s%s", b.status(), b.log(), &b.console)
	}
	b.released()
	return b.code
}

// released waits until the volumes are mounted nowhere: the kernel unmounts them some time after the
// last process of a container has ended.
func (b *box) released() {
	b.t.Helper()
	if !waitFor(func() bool {
		files := must.Get[[]string](b.t)(filepath.Glob("/sys/block/loop*/loop/backing_file"))
		return !slices.ContainsFunc(files, func(file string) bool {
			volume, _ := os.ReadFile(file) // it may be gone by now
			return strings.HasPrefix(string(volume), b.dir+"/")
		})
	}) {
		b.t.Fatal("its volumes are still mounted")
	}
}

func (b *box) signal(s syscall.Signal) {
	b.t.Helper()
	if err := b.process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
}
