// Package flatten makes one root file system of the layers of a container image.
//
// It reads the layers twice. The first reading keeps the names: each layer is laid over those below
// it as overlayfs does, so that for each name it is known which entry of which layer it stands for. The
// second one passes on those entries. No content is kept.
package flatten

import (
	"context"
	"io"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Options say how an image is flattened.
type Options struct {
	Origin  image.Origin // named and blamed in errors
	Limits  archive.Limits
	Devices archive.Devices
}

func (o Options) archive() archive.Options {
	return archive.Options{Origin: o.Origin, Devices: o.Devices}
}

// Index reads the names that layers have, from the lowest layer to the topmost one.
//
// Errors: *archive.RefusedError, which names layer and entry, and those of opening and reading a
// layer.
func Index(ctx context.Context, layers []archive.Layer, o Options) (*Tree, error) {
	t := &Tree{options: o, layers: layers, texts: map[int32][]byte{}}
	t.root = &node{inode: t.newImplied()}
	budget := o.Limits.New()
	for n := range layers {
		if err := t.add(ctx, n, budget); err != nil {
			return nil, err
		}
	}
	if len(t.root.children) == 0 {
		return nil, archive.Refuse(o.Origin, "", "Use another image.", "it has no files")
	}
	return t, nil
}

// layerReading is the first reading of a layer.
type layerReading struct {
	*Tree
	number int
	layer  archive.Layer
	budget *archive.Budget
	in     *archive.Reader
	own    *node // the tree of this layer alone
}

// add lays a layer over the tree.
func (t *Tree) add(ctx context.Context, number int, budget *archive.Budget) (err error) {
	in, err := t.layers[number].Read(ctx, t.options.archive(), budget)
	if err != nil {
		return err
	}
	r := layerReading{Tree: t, number: number, layer: t.layers[number], budget: budget, in: in,
		own: &node{inode: absent, implied: true}}
	for err == nil {
		var e *archive.Entry
		if e, err = in.Next(); err == nil {
			err = r.take(e)
		}
	}
	if closed := in.Close(); image.Ended(err) {
		err = closed
	}
	if err != nil {
		return err
	}
	t.lay(t.root, r.own)
	return nil
}

// take puts an entry into the layer's own tree.
func (r *layerReading) take(e *archive.Entry) error {
	parent, err := r.parentOf(e)
	if err != nil {
		return err
	}
	switch {
	case e.Kind == archive.Opaque:
		return r.takeOpaque(e)
	case e.Path == "":
		r.describe(r.own, e)
		return r.keepMeta(e)
	}
	n, created := parent.child(e.Path[strings.LastIndexByte(e.Path, '/')+1:])
	if created && !r.budget.Keep(len(n.name)) {
		return r.tooMuch()
	}
	switch e.Kind {
	case archive.Whiteout:
		n.removed = true
		return nil
	case archive.Directory:
		r.describe(n, e)
		return r.keepMeta(e)
	case archive.HardLink:
		return r.takeHardLink(n, e)
	}
	if err := r.withoutChildren(n, e); err != nil {
		return err
	}
	n.inode = int32(len(r.inodes))
	f := inode{layer: int32(r.number), entry: int32(e.Number), directory: -1, kind: e.Kind, size: e.Size}
	if e.Kind == archive.Symlink {
		f.link = strings.Clone(e.Link)
	}
	r.inodes = append(r.inodes, f)
	if !r.budget.Keep(len(f.link)) {
		return r.tooMuch()
	}
	return r.keepText(n, e)
}

func (r *layerReading) tooMuch() error { return r.budget.TooMuch(r.options.Origin, r.layer.Name) }

const adviceOrder = "Make the archive again from a directory: tar -C ROOT -cf root.tar ."

// parentOf returns the directory in which an entry is, in the layer's own tree. It creates those that
// are missing. An entry in something that the same layer has as another kind of file is refused:
// to write it would follow a symlink.
func (r *layerReading) parentOf(e *archive.Entry) (*node, error) {
	at := r.own
	end := strings.LastIndexByte(e.Path, '/')
	if end < 0 {
		return at, nil
	}
	for name := range strings.SplitSeq(e.Path[:end], "/") {
		next, created := at.child(name)
		if created && !r.budget.Keep(len(name)) {
			return nil, r.tooMuch()
		}
		if err := r.enter(next, e); err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

// enter makes sure that a name of the layer is a directory, because an entry is in it.
func (r *layerReading) enter(n *node, e *archive.Entry) error {
	switch {
	case n.implied || n.isDirectory(r.Tree):
	case n.inode == absent:
		n.implied = true
		if !r.budget.Entry() {
			return r.budget.TooMany(r.options.Origin, r.layer.Name)
		}
	default:
		return r.in.Refuse(e, adviceOrder, "it is in %s, which is no directory in the same layer",
			image.Quote(n.path()))
	}
	return nil
}

// withoutChildren refuses another kind of file under the name of a directory that has entries.
func (r *layerReading) withoutChildren(n *node, e *archive.Entry) error {
	if len(n.children) > 0 || n.opaque {
		return r.in.Refuse(e, adviceOrder, "the same layer has files in it, as in a directory")
	}
	n.implied = false
	return nil
}

// describe makes a name the directory of an entry. If the archive has several entries for it, the last
// one counts.
func (r *layerReading) describe(n *node, e *archive.Entry) {
	n.implied = false
	n.opaque = n.opaque || e.Opaque
	if n.isDirectory(r.Tree) {
		r.directories[r.inodes[n.inode].directory] = e.Meta
		return
	}
	n.inode = r.newDirectory(r.number, e.Number, e.Meta)
}

// xattrCost is what an attribute takes besides its name and its value, in bytes.
const xattrCost = 64

// keepMeta counts what is kept of a directory.
func (r *layerReading) keepMeta(e *archive.Entry) error {
	size := 0
	for name, value := range e.Xattrs {
		size += len(name) + len(value) + xattrCost
	}
	if !r.budget.Keep(size) {
		return r.tooMuch()
	}
	return nil
}

func (r *layerReading) takeOpaque(e *archive.Entry) error {
	n := r.own
	for name := range strings.SplitSeq(e.Path, "/") {
		if name == "" {
			continue
		}
		next, created := n.child(name)
		if created && !r.budget.Keep(len(name)) {
			return r.tooMuch()
		}
		if err := r.enter(next, e); err != nil {
			return err
		}
		n = next
	}
	n.opaque = true
	return nil
}

// takeHardLink makes n a further name of what the layer has under the target's name so far, or else
// of what the layers below have there. What happens to the target's name later does not change that.
func (r *layerReading) takeHardLink(n *node, e *archive.Entry) error {
	target := r.own.find(e.Link)
	if target == nil || target.inode == absent && !target.implied {
		if target = r.root.find(e.Link); r.hidden(e.Link) {
			target = nil
		}
	}
	switch {
	case target == nil:
		return r.in.Refuse(e, adviceOrder, "it is a hard link to %s, which is not there, or follows only later",
			image.Quote(e.Link))
	case target.implied || target.isDirectory(r.Tree):
		return r.in.Refuse(e, adviceOrder, "it is a hard link to the directory %s", image.Quote(e.Link))
	case target == n:
		return nil
	}
	if err := r.withoutChildren(n, e); err != nil {
		return err
	}
	n.inode = target.inode
	return nil
}

// hidden reports whether a directory above a path is, in the layer, no directory: what is below it in
// other layers is not there any more.
func (r *layerReading) hidden(path string) bool {
	n := r.own
	for name := range strings.SplitSeq(path, "/") {
		if n = n.children[name]; n == nil {
			return false
		}
		if n.inode != absent && !n.isDirectory(r.Tree) {
			return true
		}
	}
	return false
}

// Texts that name users are kept while a layer is read: they are in nearly all images, and otherwise
// the layer would have to be read once more.
const (
	maxText  = 1 << 20 // bytes
	maxTexts = 8 << 20 // bytes of all of one image
)

// keepText keeps the content of a file that may name users or groups.
func (r *layerReading) keepText(n *node, e *archive.Entry) error {
	if e.Path != passwdPath && e.Path != groupPath || e.Kind != archive.File || e.Size > maxText ||
		r.textSize+int(e.Size) > maxTexts {
		return nil
	}
	text, err := io.ReadAll(r.in)
	r.textSize += len(text)
	r.texts[n.inode] = text
	return err
}
