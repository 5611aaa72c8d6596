package flatten

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/moby/sys/user"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// errNoText reports that the root has no such file.
var errNoText = fs.ErrNotExist

const (
	passwdPath = "etc/passwd"
	groupPath  = "etc/group"
)

// Users are the users and groups that a root file system has.
type Users struct {
	passwd, group string
}

// User is who a process runs as.
type User struct {
	UID, GID int
	Groups   []int  // further groups
	Home     string // "" if the user has none
}

// UnknownUserError reports that a root file system does not have a user or a group.
type UnknownUserError struct {
	Wanted string // as it was written: "app:staff"
	Err    error
}

func (e *UnknownUserError) Error() string {
	return fmt.Sprintf("looking for the user %s in the image: %v. Use a user and a group of the image's %s and %s, or "+
		"numbers such as 1000:1000.", image.Quote(e.Wanted), e.Err, "/"+passwdPath, "/"+groupPath)
}

func (e *UnknownUserError) Unwrap() error { return e.Err }

// Users reads which users and groups the root file system has. One without /etc/passwd or /etc/group
// has none. Errors are those of Index.
func (t *Tree) Users(ctx context.Context) (u Users, err error) {
	if u.passwd, err = t.text(ctx, passwdPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return u, err
	}
	if u.group, err = t.text(ctx, groupPath); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return u, err
	}
	return u, nil
}

// Lookup finds who USER, USER:GROUP or :GROUP is, where both are names or numbers, as container
// engines do. Numbers need no entry; "" is root. It returns a *UnknownUserError.
func (u Users) Lookup(wanted string) (User, error) {
	unknown := func(err error) (User, error) { return User{}, &UnknownUserError{Wanted: wanted, Err: err} }
	if strings.Count(wanted, ":") > 1 {
		return unknown(errors.New("it has more than one colon"))
	}
	found, err := user.GetExecUser(wanted, nil, lines(u.passwd), lines(u.group))
	if err != nil {
		return unknown(err)
	}
	for _, id := range append([]int{found.Uid, found.Gid}, found.Sgids...) {
		if id < 0 || id > math.MaxInt32 {
			return unknown(fmt.Errorf("its number %d is not usable", id))
		}
	}
	return User{UID: found.Uid, GID: found.Gid, Groups: found.Sgids, Home: found.Home}, nil
}

// Entry is a user that /etc/passwd lists.
type Entry struct {
	Name     string
	UID, GID int
	Home     string
}

// GroupEntry is a group that /etc/group lists.
type GroupEntry struct {
	Name    string
	GID     int
	Members []string // names of users
}

const (
	maxListed  = 512 // users, groups, and members of a group
	maxAccount = 64  // bytes of a name; useradd takes 32
)

// List lists the users and groups that have a name and a number that Lookup takes, in the order of the
// files: the first 512 of each. Lines that cannot be read are left out.
func (u Users) List() (users []Entry, groups []GroupEntry) {
	listed := func(name string, ids ...int) bool {
		return name != "" && len(name) <= maxAccount &&
			!slices.ContainsFunc(ids, func(id int) bool { return id < 0 || id > math.MaxInt32 })
	}
	passwd, err := user.ParsePasswdFilter(lines(u.passwd), func(e user.User) bool {
		return listed(e.Name, e.Uid, e.Gid)
	})
	if err == nil {
		for _, e := range passwd[:min(len(passwd), maxListed)] {
			users = append(users, Entry{Name: e.Name, UID: e.Uid, GID: e.Gid, Home: e.Home})
		}
	}
	all, err := user.ParseGroupFilter(lines(u.group), func(e user.Group) bool { return listed(e.Name, e.Gid) })
	if err == nil {
		for _, e := range all[:min(len(all), maxListed)] {
			members := slices.DeleteFunc(e.List, func(name string) bool { return !listed(name) })
			members = members[:min(len(members), maxListed)]
			groups = append(groups, GroupEntry{Name: e.Name, GID: e.Gid, Members: members})
		}
	}
	return users, groups
}

// lines is the content of a file.
func lines(text string) io.Reader { return strings.NewReader(text) }
