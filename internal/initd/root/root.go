//go:build linux

// Package root puts the root file system of a container together: an overlay over the image, the
// disks, and the file systems of the kernel, of which the application sees as much as container
// engines show.
//
// Paths of the container are resolved within it by openat2 (Linux 5.6), and mounts are attached to
// what was resolved, so no symbolic link of an image leads out of it. Without privileges, the image
// and the data disks are mounted with shifted ids (Linux 5.19 for what is below an overlay). The
// writable layer is owned by the shifted ids, because overlayfs does not write to mounts that map
// ids.
package root

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// Places that libvirt mounts, and where nova-init keeps its own.
const (
	lower     = "/.nova/lower"
	memory    = "/.nova/upper"
	disks     = "/.nova/disks"
	layerName = ".layer" // in the file system that the container writes to
)

// Root is the root file system of a container.
type Root struct {
	config initd.Config
	users  *os.File // a user namespace with the container's ids; nil for a privileged container
	layer  string   // has the upper and work directories of the overlay, and files of our own
	fd     int      // the overlay
	grown  []volume // file systems that can be grown
	resolv *os.File // behind /etc/resolv.conf
}

// Assemble mounts the root of a container below the present one. The errors name what could not be
// done. Users is as in NewLauncher of package confine.
func Assemble(config initd.Config, users *os.File) (*Root, error) {
	r := &Root{config: config, users: users, fd: -1, layer: "/" + layerName}
	if config.Upper == initd.UpperMemory {
		r.layer = filepath.Join(memory, layerName)
	}
	// What is mounted here must not show up elsewhere, nor the other way round.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("making mounts private: %w", err)
	}
	for _, step := range []func() error{
		r.shiftLower, r.makeLayer, r.mountOverlay, r.mountVolumes, r.mountKernel, r.confine, r.mountShared, r.bindNames,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// id is the host's id for an id of the container.
func (r *Root) id(id uint32) int {
	if r.config.Privileged {
		return int(id)
	}
	return int(r.config.Users.First + id)
}

// shiftLower maps the ids of the image's files.
func (r *Root) shiftLower() error {
	if r.users == nil {
		return nil
	}
	fd, err := cloned(unix.AT_FDCWD, lower, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := r.shift(fd, 0); err != nil {
		return fmt.Errorf("mapping the ids of the image: %w", err)
	}
	return attach(fd, unix.AT_FDCWD, lower)
}

// shift maps the ids of a mount, and sets further attributes.
func (r *Root) shift(fd int, attributes uint64) error {
	attr := unix.MountAttr{Attr_set: attributes}
	if r.users != nil {
		attr.Attr_set |= unix.MOUNT_ATTR_IDMAP
		attr.Userns_fd = uint64(r.users.Fd())
	}
	if attr.Attr_set == 0 {
		return nil
	}
	return os.NewSyscallError("mount_setattr", unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr))
}

// makeLayer makes what the overlay needs, at the first start.
func (r *Root) makeLayer() error {
	for _, dir := range []string{"", "upper", "work", "root", "etc"} {
		if err := os.Mkdir(filepath.Join(r.layer, dir), 0o700); err != nil && !os.IsExist(err) {
			return fmt.Errorf("making the writable layer: %w", err)
		}
	}
	first, err := r.checkUsers()
	if err != nil || !first {
		return err
	}
	// The root directory of the container is that of the upper layer.
	var image unix.Stat_t
	if err := unix.Stat(lower, &image); err != nil {
		return fmt.Errorf("reading the image: %w", err)
	}
	dir := filepath.Join(r.layer, "upper")
	uid, gid := r.owner(image)
	if err := unix.Chown(dir, uid, gid); err != nil {
		return fmt.Errorf("making the writable layer: %w", err)
	}
	if err := unix.Chmod(dir, image.Mode&0o7777); err != nil {
		return fmt.Errorf("making the writable layer: %w", err)
	}
	if err := writeOnce(r.layer, usersName, strconv.Itoa(r.id(0))); err != nil {
		return fmt.Errorf("making the writable layer: %w", err)
	}
	return nil
}

// owner is who owns on the host what the image says belongs to somebody. An owner that the container
// does not have is its root.
func (r *Root) owner(image unix.Stat_t) (uid, gid int) {
	own := func(id uint32) int {
		first, count := r.config.Users.First, r.config.Users.Count
		if r.config.Privileged || id >= first && id-first < count {
			return int(id)
		}
		return r.id(0)
	}
	return own(image.Uid), own(image.Gid)
}

// usersName is a file that names the host's id of the container's root. If the
// machine loses its power, the file is whole or not there.
const usersName = "users"

// writeOnce writes a file that is whole once it is there.
func writeOnce(dir, name, text string) error {
	file, err := os.OpenFile(filepath.Join(dir, name+".new"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, name)); err != nil {
		return err
	}
	parent, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// checkUsers refuses a writable layer whose files belong to other ids of the host than those that
// stand for the container's. It reports whether there is none yet.
func (r *Root) checkUsers() (first bool, err error) {
	now := strconv.Itoa(r.id(0))
	before, err := os.ReadFile(filepath.Join(r.layer, usersName))
	switch {
	case os.IsNotExist(err):
		return true, nil
	case err == nil && string(before) != now:
		return false, &UsersError{Before: string(before), Now: now}
	}
	return false, err
}

// UsersError reports a writable layer that another range of ids has written.
type UsersError struct{ Before, Now string } // the host's id of the container's root

func (e *UsersError) Error() string {
	return fmt.Sprintf("the writable layer belongs to the host's ids from %s on, and the container now has those "+
		"from %s on: privileged, or the range of users, has changed. Reimage or replace the instance.", e.Before, e.Now)
}

// mountOverlay mounts the root and opens it.
func (r *Root) mountOverlay() error {
	dir := filepath.Join(r.layer, "root")
	flags := uintptr(0)
	if !r.config.Privileged {
		flags = unix.MS_NODEV // an image can have device nodes
	}
	// With redirect_dir, a directory of the image can be renamed.
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,redirect_dir=on,index=off,metacopy=off",
		lower, filepath.Join(r.layer, "upper"), filepath.Join(r.layer, "work"))
	if err := unix.Mount("overlay", dir, "overlay", flags, options); err != nil {
		return fmt.Errorf("mounting the root as an overlay: %w", err)
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening the root: %w", err)
	}
	r.fd = fd
	if r.config.Upper == initd.UpperMemory {
		return nil
	}
	return r.watch("", "/")
}

// mountVolumes mounts data disks and tmpfs, those above others first.
func (r *Root) mountVolumes() error {
	type volume struct {
		path  string
		mount func(at int) error
	}
	var volumes []volume
	for _, d := range r.config.Disks {
		volumes = append(volumes, volume{d.Path, func(at int) error { return r.mountDisk(d, at) }})
	}
	for _, t := range r.config.Tmpfs {
		if !strings.HasPrefix(t.Path, "/dev/") { // it is mounted in /dev, later
			volumes = append(volumes, volume{t.Path, func(at int) error { return r.mountTmpfs(t, at) }})
		}
	}
	slices.SortFunc(volumes, func(a, b volume) int { return cmp.Compare(a.path, b.path) })
	for _, v := range volumes {
		at, err := r.directory(v.path)
		if err == nil {
			err = v.mount(at)
			unix.Close(at)
		}
		if err != nil {
			return fmt.Errorf("mounting %s: %w", v.path, err)
		}
	}
	return nil
}

func (r *Root) mountDisk(d initd.Disk, at int) error {
	from := filepath.Join(disks, d.Name)
	fd, err := cloned(unix.AT_FDCWD, from, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var attributes uint64
	if !r.config.Privileged {
		attributes = unix.MOUNT_ATTR_NODEV
	}
	if err := r.shift(fd, attributes); err != nil {
		return fmt.Errorf("mapping the ids of the disk: %w", err)
	}
	var image unix.Stat_t
	if err := unix.Fstat(at, &image); err != nil {
		return err
	}
	if err := attach(fd, at, ""); err != nil {
		return err
	}
	if err := r.own(d, image); err != nil {
		return fmt.Errorf("preparing the disk: %w", err)
	}
	return r.watch(d.Name, from)
}

// own gives a disk that was never used the owner and mode that the image has where it is mounted,
// so that an application that is not root can write to it. Container engines do so with volumes.
func (r *Root) own(d initd.Disk, image unix.Stat_t) error {
	fd, err := r.open(d.Path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), d.Path)
	defer dir.Close()
	entries, err := dir.Readdirnames(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var now unix.Stat_t
	if err := unix.Fstat(fd, &now); err != nil {
		return err
	}
	const asMade = 0o755
	if len(entries) > 1 || len(entries) == 1 && entries[0] != "lost+found" || int(now.Uid) != r.id(0) ||
		int(now.Gid) != r.id(0) || now.Mode&0o7777 != asMade {
		return nil
	}
	uid, gid := r.owner(image)
	if err := unix.Fchown(fd, uid, gid); err != nil {
		return err
	}
	return unix.Fchmod(fd, image.Mode&0o7777)
}

func (r *Root) mountTmpfs(t initd.Tmpfs, at int) error {
	mode := t.Mode
	if mode == 0 {
		mode = 0o1777
	}
	return unix.Mount("tmpfs", procPath(at), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("size=%d,mode=%o,uid=%d,gid=%d", t.Size, mode, r.id(0), r.id(0)))
}

// Enter makes the root the root of this process. Nothing of the one before stays visible.
func (r *Root) Enter() error {
	defer unix.Close(r.fd)
	if err := unix.Fchdir(r.fd); err != nil {
		return fmt.Errorf("entering the root: %w", err)
	}
	// pivot_root(2): with the same directory twice, the old root is mounted over the new one.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the old root: %w", err)
	}
	return unix.Chdir("/")
}

// Sync writes what the container has written to its disks.
func (r *Root) Sync() {
	for _, v := range r.grown {
		_ = unix.Syncfs(int(v.dir.Fd())) // nothing can be done about it at the end
	}
}
