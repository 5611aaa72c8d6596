//go:build linux

package root

import (
	"errors"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// procPath is a path to an open file, for calls that take only paths.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// open opens a path of the container, from its root on.
func (r *Root) open(file string, flags, resolve uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC,
		Resolve: resolve | unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(r.fd, file, &how)
		// EAGAIN: something was renamed meanwhile, anywhere in the machine.
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil {
			return -1, &os.PathError{Op: "open", Path: file, Err: err}
		}
		return fd, nil
	}
}

// directory opens a directory of the container, and makes it, and those above it, if they are
// missing. They belong to the container's root.
func (r *Root) directory(dir string) (int, error) {
	const flags = unix.O_PATH | unix.O_DIRECTORY
	fd, err := r.open(dir, flags, 0)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	above, err := r.directory(path.Dir(dir))
	if err != nil {
		return -1, err
	}
	defer unix.Close(above)
	name := path.Base(dir)
	if err := unix.Mkdirat(above, name, 0o755); err != nil {
		return -1, &os.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	if err := unix.Fchownat(above, name, r.id(0), r.id(0), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return -1, &os.PathError{Op: "chown", Path: dir, Err: err}
	}
	return r.open(dir, flags, 0)
}

// regular opens a file of the container to mount another over it. It makes the file if it is missing
// or a link to nothing.
func (r *Root) regular(file string) (int, error) {
	fd, err := r.open(file, unix.O_PATH, 0)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	dir, err := r.directory(path.Dir(file))
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	name := path.Base(file)
	if err := unix.Unlinkat(dir, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return -1, &os.PathError{Op: "unlink", Path: file, Err: err}
	}
	made, err := unix.Openat(dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return -1, &os.PathError{Op: "create", Path: file, Err: err}
	}
	defer unix.Close(made)
	if err := unix.Fchown(made, r.id(0), r.id(0)); err != nil {
		return -1, &os.PathError{Op: "chown", Path: file, Err: err}
	}
	return r.open(file, unix.O_PATH, 0)
}

// plain opens what the kernel's file systems are mounted on, and what is in them: never by a link.
func (r *Root) plain(file string, flags uint64) (int, error) {
	return r.open(strings.TrimPrefix(file, "/"), flags, unix.RESOLVE_NO_SYMLINKS)
}

// cloned clones a mount, or with unix.AT_RECURSIVE also those below it. The file is relative to dir,
// or dir itself if it is empty.
func cloned(dir int, file string, flags uint) (int, error) {
	fd, err := unix.OpenTree(dir, file, flags|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, &os.PathError{Op: "open_tree", Path: file, Err: err}
	}
	return fd, nil
}

// attach mounts a clone.
func attach(fd, dir int, file string) error {
	err := unix.MoveMount(fd, "", dir, file, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	return os.NewSyscallError("move_mount", err)
}
