package flatten

// lay lays a directory of a layer over the same directory of the layers below.
func (t *Tree) lay(below, over *node) {
	if over.opaque {
		below.children = nil
	}
	if over.inode != absent {
		below.inode = over.inode
	}
	for name, o := range over.children {
		b := below.children[name]
		if o.isOpenDirectory(t) && !o.removed && b != nil && b.isDirectory(t) {
			t.lay(b, o)
			continue
		}
		if o.removed || !o.isNothing() {
			delete(below.children, name)
		}
		if o.isNothing() {
			continue
		}
		t.adopt(o)
		if below.children == nil {
			below.children = map[string]*node{}
		}
		o.parent, below.children[name] = below, o
	}
}

// isNothing reports whether a layer has a name only as removed.
func (n *node) isNothing() bool { return n.inode == absent && !n.implied }

// isOpenDirectory reports whether a layer has a directory under a name, also without an entry for it.
func (n *node) isOpenDirectory(t *Tree) bool { return n.implied || n.isDirectory(t) }

// adopt makes what a layer has part of the whole tree, where there is nothing below it.
func (t *Tree) adopt(n *node) {
	if n.implied {
		n.inode = t.newImplied()
	}
	n.implied, n.removed, n.opaque = false, false, false
	for name, c := range n.children {
		if c.isNothing() {
			delete(n.children, name)
		} else {
			t.adopt(c)
		}
	}
}
