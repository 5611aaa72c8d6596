package ext4

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

const (
	maxPath   = 4096            // bytes, as the kernel takes them
	maxTarget = 4095            // bytes of a symbolic link's target
	xattrKey  = "SCHILY.xattr." // begins the keys of extended attributes in a tar
)

// node is a file, a directory or another thing in the tree.
type node struct {
	inode
	ino      uint32
	parent   *node            // of a directory; the root's is itself
	children map[string]*node // of a directory, and nil for others
}

// tree has all nodes. Numbers of inodes are given in the order in which nodes come.
type tree struct {
	root  *node
	nodes []*node // in order of their numbers, except for the root, which is first
}

func newTree() tree {
	root := &node{ino: rootInode, children: map[string]*node{}}
	root.mode, root.links = modeDir|0o755, 2
	root.parent = root
	return tree{root: root, nodes: []*node{root}}
}

// make gives a new node a number.
func (t *tree) make(mode uint16) *node {
	n := &node{ino: uint32(firstInode + len(t.nodes) - 1)}
	n.mode = mode
	t.nodes = append(t.nodes, n)
	return n
}

// link gives a node a name in a directory.
func (d *node) link(name string, n *node) {
	d.children[strings.Clone(name)] = n
	n.links++
	if n.mode&modeType == modeDir {
		n.parent = d
		n.links++ // of "." in itself
		d.links++ // of ".." in it
	}
}

// directory makes a directory.
func (w *writer) directory(parent *node, name string) (*node, error) {
	if err := w.room(parent); err != nil {
		return nil, err
	}
	n := w.tree.make(modeDir | 0o755)
	n.children = map[string]*node{}
	parent.link(name, n)
	return n, nil
}

// room checks that there may be one more node, and one more name in a directory.
func (w *writer) room(parent *node) error {
	if limit := w.options.maxEntries(); len(w.tree.nodes) >= limit {
		return w.options.Origin.Unsupported("Remove what is not needed, or split it.",
			"it has more than %d files and directories", limit)
	}
	return w.nameRoom(parent)
}

func (w *writer) nameRoom(parent *node) error {
	if len(parent.children) >= maxNames {
		return w.options.Origin.Unsupported("", "it has a directory with more than %d names", maxNames)
	}
	return nil
}

// refused is the error about one entry.
func (w *writer) refused(path, reason string, args ...any) error {
	if len(path) > maxPath {
		path = path[:maxPath]
	}
	return w.options.Origin.Unsupported("", "its entry %s %s", image.Quote(path), fmt.Sprintf(reason, args...))
}

// split returns the names that a path has from the root on: none for the root itself.
func (w *writer) split(path string) ([]string, error) {
	if len(path) > maxPath {
		return nil, w.refused(path, "has a path of %d bytes, and Linux takes %d", len(path), maxPath)
	}
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		switch {
		case name == "" || name == ".":
		case name == "..":
			return nil, w.refused(path, "leads out of a directory by \"..\"")
		case len(name) > maxName:
			return nil, w.refused(path, "has a name of %d bytes, and ext4 has room for %d", len(name), maxName)
		case strings.ContainsRune(name, 0):
			return nil, w.refused(path, "has a zero byte in its name")
		default:
			names = append(names, name)
		}
	}
	return names, nil
}

// parent returns the directory for the last of the names, and makes it if need be.
func (w *writer) parent(path string, names []string) (*node, error) {
	dir := w.tree.root
	for _, name := range names[:len(names)-1] {
		next := dir.children[name]
		if next == nil {
			var err error
			if next, err = w.directory(dir, name); err != nil {
				return nil, err
			}
		}
		if next.children == nil {
			return nil, w.refused(path, "lies below %s, which is not a directory", image.Quote(name))
		}
		dir = next
	}
	return dir, nil
}

// find returns what is at a path, or nil.
func (t *tree) find(names []string) *node {
	n := t.root
	for _, name := range names {
		if n = n.children[name]; n == nil {
			return nil
		}
	}
	return n
}

// need makes an empty directory in the root if there is nothing of that name.
func (w *writer) need(name string) error {
	root := w.tree.root
	n := root.children[name]
	if n == nil {
		made, err := w.directory(root, name)
		if err != nil {
			return err
		}
		made.accessed, made.changed, made.mod = root.accessed, root.changed, root.mod
		return nil
	}
	if n.children == nil {
		return w.refused(name, "has to be a directory")
	}
	return nil
}

// add adds an entry.
func (w *writer) add(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // the reader has used it
	}
	names, err := w.split(h.Name)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		return w.addDirectory(h, names)
	}
	if len(names) == 0 {
		return w.refused(h.Name, "stands for the root, and is not a directory")
	}
	dir, err := w.parent(h.Name, names)
	if err != nil {
		return err
	}
	name := names[len(names)-1]
	if dir.children[name] != nil {
		return w.refused(h.Name, "comes twice")
	}
	if h.Typeflag == tar.TypeLink {
		return w.addLink(h, dir, name)
	}
	if err := w.room(dir); err != nil {
		return err
	}
	kind, known := kinds[h.Typeflag]
	if !known {
		return w.refused(h.Name, "is of a kind that is not known: %q", h.Typeflag)
	}
	n := w.tree.make(kind)
	dir.link(name, n)
	if err := w.describe(n, h); err != nil {
		return err
	}
	return w.fill(n, h, content)
}

// kinds are the entries that become an inode of their own, but for directories.
var kinds = map[byte]uint16{
	tar.TypeReg:       modeRegular,
	tar.TypeCont:      modeRegular,
	tar.TypeGNUSparse: modeRegular,
	tar.TypeSymlink:   modeSymlink,
	tar.TypeChar:      modeChar,
	tar.TypeBlock:     modeBlock,
	tar.TypeFifo:      modeFifo,
}

func (w *writer) addDirectory(h *tar.Header, names []string) error {
	n := w.tree.root
	if len(names) > 0 {
		dir, err := w.parent(h.Name, names)
		if err != nil {
			return err
		}
		name := names[len(names)-1]
		if n = dir.children[name]; n == nil {
			if n, err = w.directory(dir, name); err != nil {
				return err
			}
		}
		if n.children == nil {
			return w.refused(h.Name, "comes twice, and only once as a directory")
		}
	}
	if n.xattrBlock > 0 {
		return w.refused(h.Name, "comes twice, with many extended attributes")
	}
	return w.describe(n, h)
}

func (w *writer) addLink(h *tar.Header, dir *node, name string) error {
	names, err := w.split(h.Linkname)
	if err != nil {
		return err
	}
	target := w.tree.find(names)
	switch {
	case target == nil:
		return w.refused(h.Name, "links to %s, which did not come before it", image.Quote(h.Linkname))
	case target.children != nil:
		return w.refused(h.Name, "links to %s, which is a directory", image.Quote(h.Linkname))
	case target.links >= maxLinks:
		return w.refused(h.Name, "links to %s, which has %d names already, as many as ext4 has room for",
			image.Quote(h.Linkname), maxLinks)
	}
	if err := w.nameRoom(dir); err != nil {
		return err
	}
	dir.link(name, target)
	return nil
}

// describe sets what all kinds of nodes have.
func (w *writer) describe(n *node, h *tar.Header) error {
	if h.Uid < 0 || h.Gid < 0 || int64(h.Uid) > maxID || int64(h.Gid) > maxID {
		return w.refused(h.Name, "has an owner that Linux does not have: %d:%d", h.Uid, h.Gid)
	}
	n.mode = n.mode&modeType | uint16(h.Mode&0o7777)
	if n.mode&modeType == modeSymlink {
		n.mode = modeSymlink | 0o777 // as Linux gives all of them
	}
	n.uid, n.gid = uint32(h.Uid), uint32(h.Gid)
	orModified := func(t time.Time) stamp {
		if t.IsZero() {
			t = h.ModTime
		}
		return stampOf(t)
	}
	n.mod, n.accessed, n.changed = stampOf(h.ModTime), orModified(h.AccessTime), orModified(h.ChangeTime)
	list, err := w.xattrs(h)
	if err != nil {
		return err
	}
	n.xattrs = nil
	place := func() (int64, error) {
		at, _ := w.cursor.take(1)
		return at, nil
	}
	err = n.withXattrs(list, w.id.sums, place, w.out.write)
	if errors.Is(err, errXattrRoom) {
		return w.refused(h.Name, "cannot be stored: %v", err)
	}
	return err
}

// maxID is the greatest identifier of a user or a group: the next one stands for none.
const maxID = 1<<32 - 2

func (w *writer) xattrs(h *tar.Header) ([]xattr, error) {
	var list []xattr
	for key, value := range h.PAXRecords {
		name, found := strings.CutPrefix(key, xattrKey)
		if !found {
			continue
		}
		x, known, err := newXattr(name, []byte(value))
		if err != nil {
			return nil, w.refused(h.Name, "has the extended attribute %s: %v", image.Quote(name), err)
		}
		if known {
			list = append(list, x)
		}
	}
	return list, nil
}

// fill gives a node what its kind has, besides metadata.
func (w *writer) fill(n *node, h *tar.Header, content io.Reader) error {
	switch n.mode & modeType {
	case modeRegular:
		if h.Size < 0 || h.Size > maxFileBlocks*BlockSize {
			return w.refused(h.Name, "has %d bytes, and a file in ext4 has %d at most", h.Size,
				int64(maxFileBlocks*BlockSize))
		}
		if limit := w.options.maxBytes(); h.Size > limit-w.content {
			return w.options.Origin.Unsupported("Remove what is not needed.",
				"its files have more than %d bytes (%d MiB) together", limit, limit>>20)
		}
		w.content += h.Size
		n.size = h.Size
		return w.file(n, content)
	case modeSymlink:
		if len(h.Linkname) == 0 || len(h.Linkname) > maxTarget || strings.ContainsRune(h.Linkname, 0) {
			return w.refused(h.Name, "is a symbolic link whose target is empty, has a zero byte, or more than %d bytes",
				maxTarget)
		}
		n.size = int64(len(h.Linkname))
		if n.size <= inlineTarget {
			copy(n.content[:], h.Linkname)
			return nil
		}
		return w.file(n, strings.NewReader(h.Linkname))
	case modeChar, modeBlock:
		if h.Devmajor < 0 || h.Devminor < 0 || h.Devmajor > maxMajor || h.Devminor > maxMinor {
			return w.refused(h.Name, "is a device that Linux does not have: %d:%d", h.Devmajor, h.Devminor)
		}
		n.device(uint32(h.Devmajor), uint32(h.Devminor))
	}
	return nil
}

// ordered are the nodes in order of their numbers; those that are reserved, but for the root, are
// nil.
func (t *tree) ordered() []*node {
	return slices.Concat([]*node{nil, t.root}, make([]*node, firstInode-rootInode-1), t.nodes[1:])
}
