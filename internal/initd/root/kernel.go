//go:build linux

package root

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// The files of /proc and /sys that container engines hide, and those that they make read-only.
var (
	masked = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/devices/virtual/powercap", "/sys/firmware",
	}
	readOnly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// devices are the files of /dev that every container has.
var devices = []string{"full", "null", "random", "tty", "urandom", "zero"}

// mountKernel mounts /proc, /sys and /dev. The first two are those that libvirt made, with its view
// of the container's memory in /proc.
func (r *Root) mountKernel() error {
	for _, path := range []string{"/proc", "/sys"} {
		if err := r.mountTree(path); err != nil {
			return fmt.Errorf("mounting %s: %w", path, err)
		}
	}
	if !r.config.Privileged {
		if err := r.mountGroups(); err != nil {
			return fmt.Errorf("mounting %s: %w", groupsDir, err)
		}
	}
	if err := r.mountDev(); err != nil {
		return fmt.Errorf("making /dev: %w", err)
	}
	return nil
}

// point makes and opens a directory of the root that the kernel's file systems are mounted on.
func (r *Root) point(path string) (int, error) {
	if err := unix.Mkdirat(r.fd, strings.TrimPrefix(path, "/"), 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, err
	}
	return r.plain(path, unix.O_PATH|unix.O_DIRECTORY)
}

func (r *Root) mountTree(path string) error {
	at, err := r.point(path)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	var flags uint = unix.AT_RECURSIVE
	onlySelf := path == "/sys" && !r.config.Privileged // libvirt has mounted the host's control groups in it
	if onlySelf {
		flags = 0
	}
	tree, err := cloned(unix.AT_FDCWD, path, flags)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if onlySelf {
		if err := setReadOnly(tree); err != nil {
			return err
		}
	}
	return attach(tree, at, "")
}

func setReadOnly(tree int) error {
	attr := unix.MountAttr{
		Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
	}
	return os.NewSyscallError("mount_setattr", unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr))
}

func (r *Root) mountDev() error {
	at, err := r.point("/dev")
	if err != nil {
		return err
	}
	owner := fmt.Sprintf("uid=%d,gid=%d", r.id(0), r.id(0))
	err = unix.Mount("tmpfs", procPath(at), "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=755,size=64k,"+owner)
	unix.Close(at)
	if err != nil {
		return err
	}
	dev, err := r.plain("/dev", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dev)
	for _, name := range devices {
		if err := bindDevice(dev, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for link, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
		"ptmx": "pts/ptmx", "core": "/proc/kcore",
	} {
		if err := unix.Symlinkat(target, dev, link); err != nil {
			return fmt.Errorf("%s: %w", link, err)
		}
	}
	for _, name := range []string{"pts", "shm", "mqueue"} {
		if err := unix.Mkdirat(dev, name, 0o755); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	const tty = 5 // the group of terminals in images, as in container engines
	return r.mountAll([]fileSystem{
		{"/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC,
			fmt.Sprintf("newinstance,ptmxmode=0666,mode=0620,gid=%d", r.id(tty))},
		{"/dev/mqueue", "mqueue", unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV, ""},
	})
}

// mountShared mounts the memory that processes share.
func (r *Root) mountShared() error {
	asked := slices.IndexFunc(r.config.Tmpfs, func(t initd.Tmpfs) bool { return t.Path == "/dev/shm" })
	if asked >= 0 {
		at, err := r.plain("/dev/shm", unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		defer unix.Close(at)
		return r.mountTmpfs(r.config.Tmpfs[asked], at)
	}
	return r.mountAll([]fileSystem{{"/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV,
		fmt.Sprintf("mode=1777,size=64m,uid=%d,gid=%d", r.id(0), r.id(0))}})
}

type fileSystem struct {
	path, kind string
	flags      uintptr
	options    string
}

func (r *Root) mountAll(all []fileSystem) error {
	for _, f := range all {
		at, err := r.plain(f.path, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		err = unix.Mount(f.kind, procPath(at), f.kind, f.flags, f.options)
		unix.Close(at)
		if err != nil {
			return fmt.Errorf("mounting %s: %w", f.path, err)
		}
	}
	return nil
}

// bindDevice makes a device of libvirt's /dev appear in the container's: nova-init need not be
// allowed to make device nodes.
func bindDevice(dev int, name string) error {
	source := "/dev/" + name
	if _, err := os.Stat(source); os.IsNotExist(err) {
		return nil
	}
	fd, err := unix.Openat(dev, name, unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Mount(source, procPath(fd), "", unix.MS_BIND, "")
}

// confine hides what the kernel shows of the machine, and protects what it lets root change.
func (r *Root) confine() error {
	if r.config.Privileged {
		return nil
	}
	for _, path := range masked {
		if err := r.ifThere(path, r.mask); err != nil {
			return fmt.Errorf("hiding %s: %w", path, err)
		}
	}
	for _, path := range readOnly {
		if err := r.ifThere(path, protect); err != nil {
			return fmt.Errorf("protecting %s: %w", path, err)
		}
	}
	return nil
}

func (r *Root) ifThere(path string, do func(at int) error) error {
	at, err := r.plain(path, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(at)
	return do(at)
}

func (r *Root) mask(at int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(at, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.Mount("tmpfs", procPath(at), "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC,
			"size=0")
	}
	return unix.Mount("/dev/null", procPath(at), "", unix.MS_BIND, "")
}

func protect(at int) error {
	tree, err := cloned(at, "", unix.AT_RECURSIVE)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := setReadOnly(tree); err != nil {
		return err
	}
	return attach(tree, at, "")
}
