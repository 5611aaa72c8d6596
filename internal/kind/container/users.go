package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// account is who a process of a container is, or whose a file is, in ids of the container.
type account struct {
	uid, gid uint32
	groups   []uint32 // supplementary
	home     string   // "" if it is not known
}

// firstUser and userCount are the host's ids that stand for the ids of containers. All containers have
// the same: they are kept apart by their other namespaces, and share the image's files.
const (
	firstUser = 100_000
	userCount = 65_536
)

// accountOf finds a user of an image, and perhaps a group: "app", "1000", "app:staff", "1000:1000"; ""
// is root. root may be nil, of an image whose users are not known.
func accountOf(root *catalog.RootImage, text string) (account, error) {
	var users []catalog.RootUser
	var groups []catalog.RootGroup
	if root != nil {
		users, groups = root.Users, root.Groups
	}
	name, group, grouped := strings.Cut(text, ":")
	if name == "" {
		name = "0"
	}
	id, numeric := number(name)
	n := slices.IndexFunc(users, func(u catalog.RootUser) bool { return u.Name == name || numeric && u.UID == int(id) })
	var found account
	switch {
	case n >= 0:
		u := users[n]
		found = account{uid: uint32(u.UID), gid: uint32(u.GID), home: u.Home}
		for _, g := range groups {
			if slices.Contains(g.Members, u.Name) {
				found.groups = append(found.groups, uint32(g.GID))
			}
		}
	case numeric:
		found.uid = id
	case name == "root":
	default:
		return found, fmt.Errorf("the image has no user %q: name one of its /etc/passwd, or write a number", name)
	}
	if grouped {
		gid, err := groupOf(groups, group)
		if err != nil {
			return found, err
		}
		found.gid, found.groups = gid, nil
	}
	if found.home == "" && found.uid == 0 {
		found.home = "/root"
	}
	for _, id := range append([]uint32{found.uid, found.gid}, found.groups...) {
		if id > initd.MaxID {
			return found, fmt.Errorf("%d is not the id of a user or group", id)
		}
	}
	return found, nil
}

// groupOf is the id of a group of an image.
func groupOf(groups []catalog.RootGroup, name string) (uint32, error) {
	for _, g := range groups {
		if g.Name == name {
			return uint32(g.GID), nil
		}
	}
	if id, numeric := number(name); numeric {
		return id, nil
	}
	if name == "root" {
		return 0, nil
	}
	return 0, fmt.Errorf("the image has no group %q: name one of its /etc/group, or write a number", name)
}

func number(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil
}
