//go:build linux

package root

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// volume is a file system on a block device.
type volume struct {
	name string
	dir  *os.File // its root
}

func (r *Root) watch(name, dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	r.grown = append(r.grown, volume{name, file})
	return nil
}

// Grow grows the file systems whose volumes the host has enlarged, while they are in use. It returns
// those that it has grown, and those that it could not grow, with the reason.
func (r *Root) Grow() []initd.DiskStatus {
	var results []initd.DiskStatus
	for _, v := range r.grown {
		size, grown, err := v.grow()
		if !grown && err == nil {
			continue
		}
		status := initd.DiskStatus{Name: v.name, Size: size}
		if err != nil {
			status.Error = err.Error()
		}
		results = append(results, status)
	}
	return results
}

// extResize is EXT4_IOC_RESIZE_FS of linux/ext4.h: _IOW('f', 16, __u64).
const extResize = 1<<30 | 8<<16 | 'f'<<8 | 16

// grow returns the size of the file system in bytes.
func (v *volume) grow() (size int64, grown bool, err error) {
	device, err := v.device()
	if err != nil {
		return 0, false, err
	}
	defer device.Close()
	// A loop device has the size that its file had at first, until it is told to look again.
	if strings.HasPrefix(device.Name(), "loop") {
		if err := unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
			return 0, false, fmt.Errorf("reading the size of the volume: %w", err)
		}
	}
	var bytes uint64
	if err := ioctl(device, unix.BLKGETSIZE64, &bytes); err != nil {
		return 0, false, fmt.Errorf("reading the size of the volume: %w", err)
	}
	blocks, blockSize, err := extSize(device)
	if err != nil {
		return 0, false, err
	}
	size = int64(blocks * blockSize)
	want := bytes / blockSize
	if want <= blocks {
		return size, false, nil
	}
	if err := ioctl(v.dir, extResize, &want); err != nil {
		return size, false, fmt.Errorf("growing the file system: %w", err)
	}
	blocks, blockSize, err = extSize(device)
	return int64(blocks * blockSize), true, err
}

func ioctl(file *os.File, request uintptr, value *uint64) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, file.Fd(), request,
		uintptr(unsafe.Pointer(value))) //nolint:gosec // the kernel reads or writes it
	if errno != 0 {
		return errno
	}
	return nil
}

// device opens the block device below the file system. The container's /dev does not have it, so it
// comes from the kernel's own, which is not mounted anywhere.
func (v *volume) device() (*os.File, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(v.dir.Fd()), &stat); err != nil {
		return nil, err
	}
	event, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/uevent", unix.Major(stat.Dev), unix.Minor(stat.Dev)))
	if err != nil {
		return nil, fmt.Errorf("looking for the volume's device: %w", err)
	}
	var name string
	for line := range strings.Lines(string(event)) {
		if value, found := strings.CutPrefix(line, "DEVNAME="); found {
			name = strings.TrimSpace(value)
		}
	}
	dev, err := detached("devtmpfs")
	if err != nil {
		return nil, err
	}
	defer unix.Close(dev)
	// Some kernels let nobody open a mounted device to write to it.
	fd, err := unix.Openat(dev, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the volume's device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// detached mounts a file system of the kernel's nowhere, and opens its root.
func detached(kind string) (int, error) {
	context, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return -1, os.NewSyscallError("fsconfig", err)
	}
	fd, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, 0)
	return fd, os.NewSyscallError("fsmount", err)
}

// extSize reads the size of an ext4 file system from its superblock, whose fields are those of
// "Super Block" in the kernel's documentation of ext4.
func extSize(device *os.File) (blocks, blockSize uint64, err error) {
	const (
		at       = 1024
		size     = 1024
		magicAt  = 0x38
		magic    = 0xef53
		blocksLo = 0x4
		blocksHi = 0x150
		logBlock = 0x18
	)
	var super [size]byte
	if _, err := device.ReadAt(super[:], at); err != nil {
		return 0, 0, fmt.Errorf("reading the superblock: %w", err)
	}
	if binary.LittleEndian.Uint16(super[magicAt:]) != magic {
		return 0, 0, errors.New("the volume has no ext4 file system")
	}
	blocks = uint64(binary.LittleEndian.Uint32(super[blocksLo:])) |
		uint64(binary.LittleEndian.Uint32(super[blocksHi:]))<<32
	log := binary.LittleEndian.Uint32(super[logBlock:])
	if log > 6 { // 64 KiB is the largest block
		return 0, 0, errors.New("the superblock is damaged")
	}
	return blocks, 1024 << log, nil
}

// SetSysctl sets a variable of the network namespace, such as "net/ipv4/ip_unprivileged_port_start".
// What libvirt has mounted at /proc/sys may be read-only.
func SetSysctl(name, value string) error {
	proc, err := detached("proc")
	if err != nil {
		return err
	}
	defer unix.Close(proc)
	fd, err := unix.Openat(proc, "sys/"+name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	_, err = file.WriteString(value)
	return err
}
