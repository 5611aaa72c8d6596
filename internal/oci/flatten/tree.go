package flatten

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// node is a name in a tree of directories: that of one layer, or that of all layers up to one.
type node struct {
	name     string
	parent   *node
	children map[string]*node // nil for none
	inode    int32            // of what it names; absent for nothing

	implied bool // a directory that has no entry of its own in its layer
	removed bool // of a layer: what layers below have under the name is hidden
	opaque  bool // of a layer: what layers below have in the directory is hidden
}

// absent is the inode of a name that a layer has as removed, and not as anything else.
const absent = -1

// inode is a file, which several names may share.
type inode struct {
	layer, entry int32 // where its content and its metadata are
	directory    int32 // the index of its metadata; -1 for others
	kind         archive.Kind
	size         int64
	link         string // the target of a symlink
}

// Tree is the root file system that the layers of an image result in. It has the names of all files,
// and of each where its content is. It takes some 170 bytes a file.
type Tree struct {
	options Options
	layers  []archive.Layer

	root        *node
	inodes      []inode // of all layers, in the order of layers and entries
	directories []archive.Meta
	texts       map[int32][]byte // the content of files that name users, by inode
	textSize    int              // bytes of them
}

// impliedMode is that of directories that no layer has an entry for. They belong to root.
const impliedMode = 0o755

func (n *node) isDirectory(t *Tree) bool {
	return n.inode != absent && t.inodes[n.inode].kind == archive.Directory
}

// child returns the child with that name, which it creates if it is missing.
func (n *node) child(name string) (c *node, created bool) {
	if there := n.children[name]; there != nil {
		return there, false
	}
	if n.children == nil {
		n.children = map[string]*node{}
	}
	c = &node{name: strings.Clone(name), parent: n, inode: absent}
	n.children[c.name] = c
	return c, true
}

// path is the path from the root, without a slash before it.
func (n *node) path() string {
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// sorted are the children in the order of their names.
func (n *node) sorted() []*node {
	list := make([]*node, 0, len(n.children))
	for _, name := range slices.Sorted(maps.Keys(n.children)) {
		list = append(list, n.children[name])
	}
	return list
}

// newDirectory adds a directory's inode.
func (t *Tree) newDirectory(layer, entry int, m archive.Meta) int32 {
	t.directories = append(t.directories, m)
	t.inodes = append(t.inodes, inode{
		layer:     int32(layer),
		entry:     int32(entry),
		directory: int32(len(t.directories) - 1),
		kind:      archive.Directory,
	})
	return int32(len(t.inodes) - 1)
}

// newImplied adds a directory that no entry describes.
func (t *Tree) newImplied() int32 {
	return t.newDirectory(-1, -1, archive.Meta{Mode: impliedMode, ModTime: time.Unix(0, 0).UTC()})
}

// find returns what is at a clean path, without following symlinks; nil for nothing.
func (n *node) find(path string) *node {
	for name := range strings.SplitSeq(path, "/") {
		if n == nil {
			return nil
		}
		if name != "" {
			n = n.children[name]
		}
	}
	return n
}

// maxHops is how many symlinks the kernel follows in one path (MAXSYMLINKS).
const maxHops = 40

// resolve returns what is at a path once its symlinks are followed, none of which leads out of the
// root; nil for nothing.
func (t *Tree) resolve(path string) *node {
	at, rest := t.root, strings.Split(path, "/")
	for hops := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if at.parent != nil {
				at = at.parent
			}
			continue
		}
		next := at.children[name]
		if next == nil {
			return nil
		}
		if f := t.inodes[next.inode]; f.kind == archive.Symlink {
			if hops++; hops > maxHops {
				return nil
			}
			if strings.HasPrefix(f.link, "/") {
				at = t.root
			}
			rest = append(strings.Split(f.link, "/"), rest...)
			continue
		}
		at = next
	}
	return at
}

// Stats count what a root file system has.
type Stats struct {
	Files       int   // all that are not directories; hard links of one file count once
	Directories int   // with the root
	Bytes       int64 // content of the files; hard links of one file count once
}

// Stats counts what the tree has.
func (t *Tree) Stats() (s Stats) {
	seen := make([]bool, len(t.inodes))
	t.root.each(func(n *node) {
		f := t.inodes[n.inode]
		switch {
		case f.kind == archive.Directory:
			s.Directories++
		case !seen[n.inode]:
			s.Files++
			s.Bytes += f.size
		}
		seen[n.inode] = true
	})
	return s
}

// each visits a node and everything below it, parents first and in the order of names.
func (n *node) each(do func(*node)) {
	do(n)
	for _, c := range n.sorted() {
		c.each(do)
	}
}

// Find reports what kind of file is at a path, once symlinks are followed as in the container.
func (t *Tree) Find(path string) (kind archive.Kind, found bool) {
	n := t.resolve(path)
	if n == nil {
		return 0, false
	}
	return t.inodes[n.inode].kind, true
}

// HasFile reports whether a regular file is at a path, without following symlinks.
func (t *Tree) HasFile(path string) bool {
	n := t.root.find(path)
	return n != nil && t.inodes[n.inode].kind == archive.File
}
