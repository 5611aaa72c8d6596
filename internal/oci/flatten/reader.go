package flatten

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Reader reads a root file system as a tar archive is read, by Next and Read. The order depends on
// the content of the layers alone: first all directories, in the order of their paths; then the other
// files, in the order of layers and of their entries. If a file has several names, the first one in
// the order of paths has the content, and the others follow it at once as hard links. All names are
// relative to the root and clean; those of directories end in a slash, and the root is "./".
type Reader struct {
	tree   *Tree
	ctx    context.Context //nolint:containedctx // so that Next is like that of archive/tar
	budget *archive.Budget

	directories []*node
	names       []*node           // the first name of each inode that is not a directory; nil for none
	more        map[int32][]*node // the others
	next        int               // the inode

	layer   int
	in      *archive.Reader
	links   []*tar.Header // to return before anything else
	content bool          // Read reads the current entry
	err     error
}

// Open begins to read the root file system. Reading ends with ctx.
func (t *Tree) Open(ctx context.Context) *Reader {
	r := &Reader{tree: t, ctx: ctx, budget: t.options.Limits.New(), names: make([]*node, len(t.inodes)),
		more: map[int32][]*node{}, layer: -1}
	t.root.each(func(n *node) {
		switch {
		case n.isDirectory(t):
			r.directories = append(r.directories, n)
		case r.names[n.inode] == nil:
			r.names[n.inode] = n
		default:
			r.more[n.inode] = append(r.more[n.inode], n)
		}
	})
	return r
}

// Next returns the header of the next file; its content is in Read. After the last file, it returns
// io.EOF, once all layers that were read are verified. Other errors are those of Index, also if a
// layer has changed since.
func (r *Reader) Next() (*tar.Header, error) {
	r.content = false
	if r.err == nil {
		var h *tar.Header
		if h, r.err = r.step(); r.err == nil {
			return h, nil
		}
		if closed := r.Close(); image.Ended(r.err) && closed != nil {
			r.err = closed
		}
	}
	return nil, r.err
}

func (r *Reader) step() (*tar.Header, error) {
	switch {
	case len(r.links) > 0:
		h := r.links[0]
		r.links = r.links[1:]
		return h, nil
	case len(r.directories) > 0:
		n := r.directories[0]
		r.directories = r.directories[1:]
		meta := r.tree.directories[r.tree.inodes[n.inode].directory]
		e := archive.Entry{Path: n.path(), Kind: archive.Directory, Meta: meta}
		return e.Header(), nil
	}
	for r.next < len(r.names) && r.names[r.next] == nil {
		r.next++
	}
	if r.next == len(r.names) {
		if err := r.finish(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
	return r.file(int32(r.next))
}

// file finds the entry of an inode.
func (r *Reader) file(number int32) (*tar.Header, error) {
	f := r.tree.inodes[number]
	if err := r.enter(int(f.layer)); err != nil {
		return nil, err
	}
	for {
		e, err := r.in.Next()
		if image.Ended(err) {
			return nil, r.changed("it ends before entry %d", f.entry)
		}
		if err != nil {
			return nil, err
		}
		if e.Number < int(f.entry) {
			continue
		}
		if e.Number > int(f.entry) || e.Kind != f.kind || e.Size != f.size ||
			f.kind == archive.Symlink && e.Link != f.link {
			return nil, r.changed("entry %d is another", f.entry)
		}
		r.next++
		e.Path = r.names[number].path()
		for _, n := range r.more[number] {
			link := *e
			link.Path, link.Kind, link.Link, link.Size = n.path(), archive.HardLink, e.Path, 0
			link.Xattrs = nil
			r.links = append(r.links, link.Header())
		}
		r.content = f.kind == archive.File
		return e.Header(), nil
	}
}

// enter opens a layer, once the one before is verified.
func (r *Reader) enter(layer int) (err error) {
	if layer == r.layer {
		return nil
	}
	if err := r.finish(); err != nil {
		return err
	}
	r.in, err = r.tree.layers[layer].Read(r.ctx, r.tree.options.archive(), r.budget)
	r.layer = layer
	return err
}

// finish reads the rest of a layer, so that it is verified.
func (r *Reader) finish() error {
	if r.in == nil {
		return nil
	}
	in := r.in
	r.in = nil
	return errors.Join(in.Drain(), in.Close())
}

// changed is the error for a layer that is another than when it was indexed.
func (r *Reader) changed(how string, args ...any) error {
	return archive.Refuse(r.tree.options.Origin, r.tree.layers[r.layer].Name, "Apply again once nothing writes to it.",
		"it changed while it was being read: %s", fmt.Sprintf(how, args...))
}

// Read reads the content of the file that Next has returned; io.EOF at once if it has none.
func (r *Reader) Read(p []byte) (int, error) {
	if !r.content {
		return 0, io.EOF
	}
	return r.in.Read(p)
}

// Close ends reading. It may be called at any time, also twice.
func (r *Reader) Close() error {
	if r.in == nil {
		return nil
	}
	in := r.in
	r.in, r.content = nil, false
	return in.Close()
}

// WriteTar writes the root file system as a tar archive (PAX), and returns its length in bytes. Errors
// are those of Reader.Next and of w.
func (t *Tree) WriteTar(ctx context.Context, w io.Writer) (int64, error) {
	r := t.Open(ctx)
	out := &countingWriter{w: w}
	to := tar.NewWriter(out)
	buffer := make([]byte, 256<<10)
	for {
		h, err := r.Next()
		if image.Ended(err) {
			err = to.Close()
			return out.n, err
		}
		if err == nil {
			err = to.WriteHeader(h)
		}
		if err == nil {
			_, err = io.CopyBuffer(struct{ io.Writer }{to}, r, buffer)
		}
		if err != nil {
			return out.n, errors.Join(err, r.Close())
		}
	}
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// text returns the content of a small file of the root file system, once symlinks are followed as in
// the container. The error is fs.ErrNotExist if there is no such file, else those of Next.
func (t *Tree) text(ctx context.Context, path string) (string, error) {
	n := t.resolve(path)
	if n == nil || t.inodes[n.inode].kind != archive.File {
		return "", errNoText
	}
	if text, kept := t.texts[n.inode]; kept {
		return string(text), nil
	}
	f := t.inodes[n.inode]
	if f.size > maxText {
		return "", archive.Refuse(t.options.Origin, t.layers[f.layer].Name, "Inspect it.",
			"its file %s has more than %d MiB", image.Quote(n.path()), maxText>>20)
	}
	in, err := t.layers[f.layer].Read(ctx, t.options.archive(), t.options.Limits.New())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for err == nil {
		var e *archive.Entry
		if e, err = in.Next(); err == nil && e.Number == int(f.entry) {
			_, err = io.Copy(&b, io.LimitReader(in, maxText))
		}
	}
	if closed := in.Close(); image.Ended(err) {
		err = closed
	}
	return b.String(), err
}
