//go:build linux

package root

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// groupsDir is where control groups are mounted.
const groupsDir = "/sys/fs/cgroup"

// group is this process's control group in one hierarchy.
type group struct {
	mount string // where the hierarchy is mounted
	below string // the group, relative to it
}

// ownGroups reads /proc/self/cgroup and /proc/self/mountinfo (cgroups(7), proc(5)). It leaves out
// hierarchies that are not mounted in groupsDir, and groups that are not below what is mounted.
func ownGroups(cgroup, mounts string) []group {
	var groups []group
	for line := range strings.Lines(mounts) {
		before, after, found := strings.Cut(strings.TrimSpace(line), " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if !found || len(mount) < 5 || len(kind) < 3 {
			continue
		}
		root, at := mount[3], mount[4]
		if at != groupsDir && filepath.Dir(at) != groupsDir || strings.HasPrefix(root, "/..") {
			continue // or it begins above this process's namespace of control groups
		}
		own, found := groupIn(cgroup, kind[0], strings.Split(kind[2], ","))
		if !found {
			continue
		}
		// libvirt gives a container a group below what it mounts. The whole is the host's.
		if below, err := filepath.Rel(root, own); err == nil && filepath.IsLocal(below) && below != "." {
			groups = append(groups, group{at, below})
		}
	}
	return groups
}

// groupIn finds the group in a hierarchy: that of version 2, or the one with the controllers that
// are among the options of its mount.
func groupIn(cgroup, kind string, options []string) (path string, found bool) {
	for line := range strings.Lines(cgroup) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		controllers := strings.Split(parts[1], ",")
		switch kind {
		case "cgroup2":
			found = parts[0] == "0" && parts[1] == ""
		case "cgroup":
			found = parts[1] != "" && !slices.ContainsFunc(controllers,
				func(c string) bool { return !slices.Contains(options, c) })
		}
		if found {
			return parts[2], true
		}
	}
	return "", false
}

// mountGroups shows the container its own control groups, where programs look for their limits, and
// none of the host's. They are read-only. What libvirt mounts has all groups below its own.
func (r *Root) mountGroups() error {
	at, err := r.plain(groupsDir, unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(at)
	cgroup, err := os.ReadFile("/proc/self/cgroup")
	if errors.Is(err, unix.ENOENT) { // a kernel without them
		return nil
	}
	if err != nil {
		return err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	groups := ownGroups(string(cgroup), string(mounts))
	if len(groups) == 1 && groups[0].mount == groupsDir {
		return groups[0].attach(at)
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("tmpfs", procPath(at), "tmpfs", flags, "size=64k,mode=755"); err != nil {
		return err
	}
	dir, err := r.plain(groupsDir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	for _, g := range groups {
		if err := r.mountGroup(dir, g); err != nil {
			return fmt.Errorf("%s: %w", g.mount, err)
		}
	}
	if err := linkGroups(dir); err != nil {
		return err
	}
	return unix.Mount("", procPath(dir), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
}

func (r *Root) mountGroup(dir int, g group) error {
	name := filepath.Base(g.mount)
	if g.mount == groupsDir {
		return nil // the tmpfs of version 1
	}
	if err := unix.Mkdirat(dir, name, 0o755); err != nil {
		return err
	}
	at, err := r.plain(g.mount, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	return g.attach(at)
}

func (g group) attach(at int) error {
	tree, err := cloned(unix.AT_FDCWD, filepath.Join(g.mount, g.below), 0)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := setReadOnly(tree); err != nil {
		return err
	}
	return attach(tree, at, "")
}

// linkGroups repeats links such as "cpu", to "cpu,cpuacct".
func linkGroups(dir int) error {
	entries, err := os.ReadDir(groupsDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(groupsDir, e.Name()))
		if err != nil || strings.Contains(target, "/") {
			continue // it is no link
		}
		if err := unix.Symlinkat(target, dir, e.Name()); err != nil {
			return err
		}
	}
	return nil
}
