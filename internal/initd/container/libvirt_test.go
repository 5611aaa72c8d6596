//go:build linux

package container

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hosted says what is mounted where in a container, as libvirt is told.
type hosted struct {
	Dir    string   // has the volumes, by name
	Disks  []string // names of data disks
	Memory bool     // the upper layer is a tmpfs
	Groups bool     // with the host's control groups
}

// beLibvirt does what libvirt does between the clone of process 1 and its program. The namespaces
// are new already.
func beLibvirt(text string) error {
	var h hosted
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil { // until the network is there
		return err
	}
	root := filepath.Join(h.Dir, "root")
	mount := func(args ...string) error {
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("mount %q: %w\n%s", args, err, out)
		}
		return nil
	}
	in := func(path string) string { return filepath.Join(root, path) }
	volume := func(name string) string { return filepath.Join(h.Dir, name) }
	steps := [][]string{
		{"--make-rprivate", "/"},
		{"-o", "loop", volume("root.raw"), root},
		{"-o", "loop,ro", volume("base.raw"), in("/.nova/lower")},
		{"-t", "proc", "-o", "nosuid,nodev,noexec", "proc", in("/proc")},
		{"--bind", in("/proc/sys"), in("/proc/sys")},
		{"-o", "remount,bind,ro", in("/proc/sys")},
		{"-t", "sysfs", "-o", "ro,nosuid,nodev,noexec", "sysfs", in("/sys")},
		{"-t", "tmpfs", "-o", "mode=755,nosuid", "devfs", in("/dev")},
	}
	if h.Groups {
		steps = append(steps, []string{"--rbind", "/sys/fs/cgroup", in("/sys/fs/cgroup")})
	}
	if h.Memory {
		steps = append(steps, []string{"-t", "tmpfs", "-o", "size=64m", "upper", in("/.nova/upper")})
	}
	for _, d := range h.Disks {
		steps = append(steps, []string{"-o", "loop", volume(d + ".raw"), in("/.nova/disks/" + d)})
	}
	for _, name := range devices {
		steps = append(steps, []string{"--bind", "/dev/" + name, in("/dev/" + name)})
	}
	for _, name := range []string{"init", "config.json", "status", "log"} {
		steps = append(steps, []string{"--bind", volume(name), in("/.nova/" + name)})
	}
	for i, s := range steps {
		if target := s[len(s)-1]; s[0] == "--bind" && i > 4 {
			if file, err := os.OpenFile(target, os.O_CREATE, 0o666); err == nil {
				file.Close()
			}
		}
		if err := mount(s...); err != nil {
			return err
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", ".oldroot"); err != nil {
		return err
	}
	if err := unix.Unmount("/.oldroot", unix.MNT_DETACH); err != nil {
		return err
	}
	// libvirt drops these by default.
	for _, number := range []uintptr{unix.CAP_SYS_MODULE, unix.CAP_SYS_TIME, unix.CAP_MKNOD, unix.CAP_AUDIT_CONTROL,
		unix.CAP_MAC_ADMIN} {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, number, 0, 0, 0); err != nil {
			return err
		}
	}
	// Nor does it ask for signals, or for a score, that others have left.
	runtime.LockOSThread()
	signal.Ignore(unix.SIGHUP, unix.SIGUSR2, unix.SIGPIPE)
	ignored := [4]uint64{1}                    // struct sigaction of the kernel, with SIG_IGN
	for _, number := range []uintptr{32, 34} { // which Go leaves as they are
		if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, number, uintptr(unsafe.Pointer(&ignored)), 0, 8,
			0, 0); errno != 0 {
			return errno
		}
	}
	var before unix.Sigset_t
	blocked := unix.Sigset_t{Val: [16]uint64{1<<(unix.SIGALRM-1) | 1<<(unix.SIGTERM-1)}}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &blocked, &before); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte(leftScore), 0); err != nil {
		return err
	}
	return unix.Exec("/.nova/init", []string{"/.nova/init"}, []string{"container=lxc-libvirt"})
}

// leftScore is the oom_score_adj that nova-init begins with.
const leftScore = "123"

var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}
