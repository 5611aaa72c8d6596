//go:build linux

package container

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempts are what an application must not be able to do, by a name. They return nil if they
// succeed, and the system's error otherwise. Arguments that make no sense do not matter: the kernel
// has another error for them than for what is refused.
var attempts = map[string]func() error{
	"mount":  func() error { return unix.Mount("none", "/tmp", "tmpfs", 0, "") },
	"umount": func() error { return unix.Unmount("/proc/kcore", unix.MNT_DETACH) },
	"fsopen": func() error { _, err := unix.Fsopen("tmpfs", 0); return err },
	"move_mount": func() error {
		_, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE)
		return err
	},
	"pivot_root":  func() error { return unix.PivotRoot("/tmp", "/tmp") },
	"mknod":       func() error { return unix.Mknod("/tmp/mem", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 1))) },
	"device node": func() error { _, err := os.Open("/srv/mem"); return err },
	"sysrq": func() error {
		return os.WriteFile("/proc/sysrq-trigger", []byte("h"), 0)
	},
	"core_pattern": func() error {
		return os.WriteFile("/proc/sys/kernel/core_pattern", []byte("core"), 0)
	},
	"core_pattern by a link": func() error { return os.WriteFile("/links/out/core_pattern", []byte("core"), 0) },
	"kcore": func() error {
		file, err := os.Open("/proc/kcore")
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := file.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			return unix.EACCES // it is hidden behind /dev/null
		}
		return nil
	},
	"sys": func() error {
		return os.WriteFile("/sys/kernel/mm/transparent_hugepage/enabled", []byte("never"), 0)
	},
	"user namespace":    func() error { return unshare(unix.CLONE_NEWUSER) },
	"mount namespace":   func() error { return unshare(unix.CLONE_NEWNS) },
	"network namespace": func() error { return unshare(unix.CLONE_NEWNET) },
	"init's namespaces": func() error {
		fd, err := unix.Open("/proc/1/ns/mnt", unix.O_RDONLY, 0)
		if err != nil {
			return err
		}
		return unix.Setns(fd, 0)
	},
	"init's memory":      func() error { _, err := os.Open("/proc/1/mem"); return err },
	"init's environment": func() error { _, err := os.ReadFile("/proc/1/environ"); return err },
	"init's files":       func() error { _, err := os.ReadDir("/proc/1/fd"); return err },
	"init's root":        func() error { _, err := os.ReadDir("/proc/1/root/"); return err },
	"init's program":     func() error { _, err := os.Open("/proc/1/exe"); return err },
	"kill init":          func() error { return unix.Kill(1, unix.SIGTERM) },
	"ptrace":             func() error { return unix.PtraceAttach(1) },
	"bpf":                func() error { return call(unix.SYS_BPF, 0, 0, 0) },
	"keyctl":             func() error { return call(unix.SYS_KEYCTL, 0, 0, 0) },
	"io_uring":           func() error { return call(unix.SYS_IO_URING_SETUP, 1, 0, 0) },
	"perf":               func() error { return call(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0) },
	"reboot":             func() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) },
	"swapon":             func() error { return call(unix.SYS_SWAPON, 0, 0, 0) },
	"clock": func() error {
		return unix.Settimeofday(&unix.Timeval{Sec: 1})
	},
	"open by handle": func() error {
		_, err := unix.OpenByHandleAt(unix.AT_FDCWD, unix.NewFileHandle(1, make([]byte, 8)), 0)
		return err
	},
	"hostname":   func() error { return unix.Sethostname([]byte("other")) },
	"interface":  func() error { return addInterface() },
	"raw socket": func() error { _, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0); return err },
	"vsock":      func() error { _, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0); return err },
	"clone with namespaces": func() error {
		return call(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), 0, 0)
	},
}

func unshare(flags int) error {
	runtime.LockOSThread()
	return unix.Unshare(flags)
}

func call(number, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall(number, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// addInterface brings an interface down, which takes the rights of the network namespace.
func addInterface() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return nil // then the attempt is none
	}
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return nil // then the attempt is none
	}
	request.SetUint16(0)
	return call(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(request)))
}

// outcome says whether an attempt was refused: by a filter, for lack of rights, or by a mount.
func outcome(err error) string {
	for _, refused := range []error{unix.EPERM, unix.EACCES, unix.EROFS} {
		if errors.Is(err, refused) {
			return "refused"
		}
	}
	if errors.Is(err, unix.ENOENT) {
		return "not there"
	}
	return fmt.Sprintf("not refused (%v)", err)
}

// notEverywhere are the attempts on files that some kernels do not have.
var notEverywhere = map[string]string{"kcore": "/proc/kcore", "sysrq": "/proc/sysrq-trigger"}

// printWritable prints the files in directories that the process may write to.
func printWritable(dirs []string) {
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && unix.Access(at, unix.W_OK) == nil {
				fmt.Println(at)
			}
			return nil
		})
	}
}

// probe makes an attempt, and prints how it ended.
func probe(args []string) int {
	switch args[0] {
	case "all":
		for name, attempt := range attempts {
			if name == "clone with namespaces" {
				continue // in a process of its own
			}
			fmt.Printf("attempt %s: %s\n", name, outcome(attempt()))
		}
	case "clone":
		fmt.Printf("attempt clone with namespaces: %s\n", outcome(attempts["clone with namespaces"]()))
	case "writable":
		printWritable(args[1:])
	case "ping":
		fmt.Printf("answer: %v\n", ping(args[1]))
	case "flood": // prints a number of bytes
		n, _ := strconv.Atoi(args[1])
		line := []byte(fmt.Sprintf("%063d\n", 0))
		block := make([]byte, 0, 1<<16)
		for len(block) < cap(block) {
			block = append(block, line...)
		}
		for ; n > 0; n -= len(block) {
			if _, err := os.Stdout.Write(block); err != nil {
				return 1
			}
		}
	}
	return 0
}

// ping asks for an echo as unprivileged programs do (icmp(7)), and waits for the answer.
func ping(address string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		return err
	}
	const echo = 8
	to := &unix.SockaddrInet4{Addr: netip.MustParseAddr(address).As4()}
	if err := unix.Sendto(fd, []byte{echo, 0, 0, 0, 0, 0, 0, 1}, 0, to); err != nil {
		return err
	}
	_, _, err = unix.Recvfrom(fd, make([]byte, 64), 0)
	return err
}
