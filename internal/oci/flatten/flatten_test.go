package flatten_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

type layer = []Entry

var options = flatten.Options{Origin: image.Origin{Name: "shop.tar", Attribute: "path"}}

// listed flattens layers, and lists what the result has: "d etc", "f etc/passwd: content",
// "l bin -> usr/bin", "h b = a".
func listed(t *testing.T, layers ...layer) ([]string, error) {
	t.Helper()
	tree, err := flatten.Index(t.Context(), Layers(t, layers...), options)
	if err != nil {
		return nil, err
	}
	var list []string
	r := tree.Open(t.Context())
	defer r.Close()
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return list, err
		}
		if int64(len(content)) != h.Size {
			t.Errorf("%s has %d bytes, and its header says %d", h.Name, len(content), h.Size)
		}
		switch name := strings.TrimSuffix(h.Name, "/"); h.Typeflag {
		case tar.TypeDir:
			list = append(list, fmt.Sprintf("d %s %o", name, h.Mode))
		case tar.TypeReg:
			list = append(list, fmt.Sprintf("f %s: %s", name, content))
		case tar.TypeSymlink:
			list = append(list, fmt.Sprintf("l %s -> %s", name, h.Linkname))
		case tar.TypeLink:
			list = append(list, fmt.Sprintf("h %s = %s", name, h.Linkname))
		default:
			list = append(list, fmt.Sprintf("%c %s", h.Typeflag, name))
		}
	}
}

func TestLayersAreLaidOverEachOther(t *testing.T) {
	mode := func(e Entry, mode int64) Entry { return e.With(func(h *tar.Header) { h.Mode = mode }) }
	for name, c := range map[string]struct {
		layers []layer
		want   []string // without the root
	}{
		"files of several layers": {
			[]layer{{Dir("a"), File("a/x", "1"), File("a/y", "1")}, {Dir("a"), File("a/y", "2")}},
			[]string{"d a 755", "f a/x: 1", "f a/y: 2"},
		},
		"missing parents":                       {[]layer{{File("a/b/c", "1")}}, []string{"d a 755", "d a/b 755", "f a/b/c: 1"}},
		"missing parents of a directory below":  {[]layer{{mode(Dir("a"), 0o700)}, {File("a/c", "1")}}, []string{"d a 700", "f a/c: 1"}},
		"parents that follow":                   {[]layer{{File("a/c", "1"), mode(Dir("a"), 0o711)}}, []string{"d a 711", "f a/c: 1"}},
		"a directory's mode of the upper layer": {[]layer{{mode(Dir("a"), 0o700)}, {mode(Dir("a"), 0o750)}}, []string{"d a 750"}},
		"names with ./ and / before them":       {[]layer{{Dir("./"), Dir("./a"), File("/a/x", "1"), File("a//y", "2")}}, []string{"d a 755", "f a/x: 1", "f a/y: 2"}},
		"the last of several entries":           {[]layer{{File("x", "1"), File("y", ""), File("./x", "2")}}, []string{"f y: ", "f x: 2"}},
		"whiteout":                              {[]layer{{File("x", "1"), File("y", "1")}, {File(".wh.x", "")}}, []string{"f y: 1"}},
		"whiteout of a directory":               {[]layer{{File("a/x", "1"), File("y", "1")}, {File(".wh.a", "")}}, []string{"f y: 1"}},
		"whiteout of nothing":                   {[]layer{{File("y", "1")}, {File("b/.wh.a", "")}}, []string{"d b 755", "f y: 1"}},
		"whiteout in the lowest layer":          {[]layer{{File("y", "1"), File(".wh.y", "")}}, []string{"f y: 1"}},
		"whiteout beside the file, before it":   {[]layer{{File("a/x", "1"), File("a/z", "1")}, {File(".wh.a", ""), File("a/y", "2")}}, []string{"d a 755", "f a/y: 2"}},
		"whiteout beside the file, after it":    {[]layer{{File("a/x", "1")}, {File("a/y", "2"), File(".wh.a", "")}}, []string{"d a 755", "f a/y: 2"}},
		"whiteout as a device":                  {[]layer{{File("x", "1"), File("y", "1")}, {Device(tar.TypeChar, "x", 0, 0)}}, []string{"f y: 1"}},
		"opaque":                                {[]layer{{File("a/x", "1"), File("a/b/y", "1")}, {File("a/z", "2"), File("a/.wh..wh..opq", "")}}, []string{"d a 755", "f a/z: 2"}},
		"opaque root":                           {[]layer{{File("a/x", "1")}, {File(".wh..wh..opq", ""), File("z", "2")}}, []string{"f z: 2"}},
		"opaque as an attribute": {[]layer{{File("a/x", "1")}, {Dir("a").With(func(h *tar.Header) {
			h.PAXRecords = map[string]string{"SCHILY.xattr.trusted.overlay.opaque": "y"}
		}), File("a/z", "2")}}, []string{"d a 755", "f a/z: 2"}},
		"opaque, and files of the layer above": {[]layer{{File("a/x", "1")}, {File("a/.wh..wh..opq", "")}, {File("a/x", "3")}}, []string{"d a 755", "f a/x: 3"}},
		"notes of AUFS":                        {[]layer{{File("x", "1"), File(".wh..wh.plnk/1.2", ""), Dir(".wh..wh.orph")}}, []string{"f x: 1"}},
		"a file in place of a directory":       {[]layer{{File("a/x", "1")}, {File("a", "2")}}, []string{"f a: 2"}},
		"a directory in place of a file":       {[]layer{{File("a", "1")}, {File("a/x", "2")}}, []string{"d a 755", "f a/x: 2"}},
		"a directory in place of a symlink":    {[]layer{{Dir("b"), Symlink("a", "b")}, {File("a/x", "2")}}, []string{"d a 755", "d b 755", "f a/x: 2"}},
		"a symlink that leads out":             {[]layer{{Symlink("a", "../../etc"), Symlink("b", "/")}}, []string{"l a -> ../../etc", "l b -> /"}},
		"devices and a FIFO":                   {[]layer{{Device(tar.TypeChar, "null", 1, 3), Device(tar.TypeFifo, "pipe", 0, 0)}}, []string{"3 null", "6 pipe"}},

		"hard links":                                     {[]layer{{File("a", "1"), Link("c", "a"), Link("b", "./c")}}, []string{"f a: 1", "h b = a", "h c = a"}},
		"hard link before the target's name":             {[]layer{{File("z", "1"), Link("a", "z")}}, []string{"f a: 1", "h z = a"}},
		"hard link to a symlink":                         {[]layer{{Symlink("a", "x"), Link("b", "a")}}, []string{"l a -> x", "h b = a"}},
		"hard link whose target is replaced above":       {[]layer{{File("a", "1"), Link("b", "a")}, {File("a", "2")}}, []string{"f b: 1", "f a: 2"}},
		"hard link whose target is removed above":        {[]layer{{File("a", "1"), Link("b", "a")}, {File(".wh.a", "")}}, []string{"f b: 1"}},
		"hard link whose directory is removed above":     {[]layer{{File("d/a", "1"), Link("b", "d/a"), Link("c", "b")}, {File(".wh.d", "")}}, []string{"f b: 1", "h c = b"}},
		"hard link to what a lower layer has":            {[]layer{{File("a", "1")}, {Link("b", "a")}}, []string{"f a: 1", "h b = a"}},
		"hard link to what a lower layer had":            {[]layer{{File("a", "1")}, {File(".wh.a", ""), Link("b", "a")}}, []string{"f b: 1"}},
		"hard link to a lower file, then replaced":       {[]layer{{File("a", "1")}, {Link("b", "a")}, {File("a", "3")}}, []string{"f b: 1", "f a: 3"}},
		"hard link to a file that is replaced beside it": {[]layer{{File("a", "1"), Link("b", "a"), File("a", "2")}}, []string{"f b: 1", "f a: 2"}},
		"hard link to the layer's own file first":        {[]layer{{File("a", "1")}, {File("a", "2"), Link("b", "a")}}, []string{"f a: 2", "h b = a"}},
		"hard link to itself":                            {[]layer{{File("a", "1"), Link("a", "a")}}, []string{"f a: 1"}},
		"hard link in place of a file":                   {[]layer{{File("a", "1"), File("b", "1")}, {File("c", "2"), Link("b", "c")}}, []string{"f a: 1", "f b: 2", "h c = b"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := listed(t, c.layers...)
			if err != nil {
				t.Fatal(err)
			}
			if want := append([]string{"d . 755"}, c.want...); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestLayersThatContradictThemselvesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		layers []layer
		layer  string
		entry  string
		says   string
	}{
		"file below a symlink":          {[]layer{{Symlink("a", "/etc"), File("a/x", "1")}}, "layer 1", "a/x", "no directory in the same layer"},
		"file below a file":             {[]layer{{File("a", ""), File("a/x", "1")}}, "layer 1", "a/x", "no directory"},
		"whiteout below a symlink":      {[]layer{{File("y", "")}, {Symlink("a", "/etc"), File("a/.wh.x", "")}}, "layer 2", "a/x", "no directory"},
		"opaque below a symlink":        {[]layer{{Symlink("a", "b"), File("a/.wh..wh..opq", "")}}, "layer 1", "a", "no directory"},
		"symlink in place of a parent":  {[]layer{{File("a/x", "1"), Symlink("a", "/etc")}}, "layer 1", "a", "has files in it"},
		"link in place of a parent":     {[]layer{{File("b", "1"), File("a/x", "1"), Link("a", "b")}}, "layer 1", "a", "has files in it"},
		"hard link to nothing":          {[]layer{{File("y", "")}, {Link("a", "b")}}, "layer 2", "a", "not there"},
		"hard link to what follows":     {[]layer{{Link("a", "b"), File("b", "1")}}, "layer 1", "a", "follows only later"},
		"hard link to a directory":      {[]layer{{Dir("b")}, {Link("a", "b")}}, "layer 2", "a", "hard link to the directory"},
		"hard link to an own directory": {[]layer{{Dir("b"), Link("a", "b")}}, "layer 1", "a", "hard link to the directory"},
		"hard link through a symlink":   {[]layer{{File("d/x", "1"), Symlink("s", "d"), Link("a", "s/x")}}, "layer 1", "a", "not there"},
		"hard link below a new file":    {[]layer{{File("d/x", "1")}, {File("d", ""), Link("a", "d/x")}}, "layer 2", "a", "not there"},
		"hard link out of the root":     {[]layer{{Link("a", "../../etc/shadow")}}, "layer 1", "a", "no file of the image"},
		"no files":                      {[]layer{{Dir("./")}}, "", "", "no files"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := listed(t, c.layers...)
			if err == nil {
				t.Fatalf("it was accepted: %q", got)
			}
			refused := imagetest.WantError[*archive.RefusedError](t, err)
			if refused.Layer != c.layer || refused.Entry != c.entry || !strings.Contains(refused.Reason, c.says) {
				t.Errorf("it blames %q, %q: %v; want %q, %q: %s", refused.Layer, refused.Entry, err, c.layer, c.entry, c.says)
			}
			imagetest.WantBlamed(t, err, "path")
		})
	}
}

// Everything that a file has arrives, and hard links have what their file has.
func TestMetadataIsKept(t *testing.T) {
	rich := func(h *tar.Header) {
		h.Mode, h.Uid, h.Gid = 0o4750, 1000, 4_294_967_294
		h.ModTime = Time.Add(5_000_000)
		h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02", "SCHILY.xattr.user.a": "b"}
		h.Uname, h.Gname = "app", "app"
	}
	tree, err := flatten.Index(t.Context(), Layers(t, layer{Dir("d").With(rich), File("f", "x").With(rich), Link("a", "f")}),
		options)
	if err != nil {
		t.Fatal(err)
	}
	if s := tree.Stats(); s != (flatten.Stats{Files: 1, Directories: 2, Bytes: 1}) {
		t.Errorf("it counts %+v", s)
	}
	var flat bytes.Buffer
	if n, err := tree.WriteTar(t.Context(), &flat); err != nil || n != int64(flat.Len()) {
		t.Fatalf("wrote %d bytes of %d, %v", n, flat.Len(), err)
	}
	in := tar.NewReader(&flat)
	for _, name := range []string{"./", "d/", "a"} {
		h, err := in.Next()
		if err != nil || h.Name != name {
			t.Fatalf("got %v, %v; want %s", h, err, name)
		}
		if name == "./" {
			continue
		}
		if h.Mode != 0o4750 || h.Uid != 1000 || h.Gid != 4_294_967_294 || !h.ModTime.Equal(Time.Add(5_000_000)) ||
			h.Uname != "" || h.PAXRecords["SCHILY.xattr.security.capability"] != "\x01\x00\x00\x02" ||
			h.PAXRecords["SCHILY.xattr.user.a"] != "b" {
			t.Errorf("%s has %+v", name, h)
		}
	}
}

// The order of layers' archives and of names alone decides about the result.
func TestTheResultIsTheSameEachTime(t *testing.T) {
	var lower, upper layer
	for n := range 300 {
		lower = append(lower, File(fmt.Sprintf("d%d/f%d", n%17, n), "x"), Link(fmt.Sprintf("l%d", n), fmt.Sprintf("d%d/f%d", n%17, n)))
	}
	for n := range 17 {
		upper = append(upper, Dir(fmt.Sprintf("d%d", n)), File(fmt.Sprintf("d%d/.wh.f%d", n, n), ""))
	}
	first, err := listed(t, lower, upper)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if again, err := listed(t, lower, upper); err != nil || !slices.Equal(again, first) {
			t.Fatalf("another result, %v", err)
		}
	}
}

// A layer that is another when it is read again yields no root.
func TestALayerThatChangesIsNoticed(t *testing.T) {
	one := Tar(t, Dir("d"), File("d/f", "content"), Symlink("l", "d"))
	for name, other := range map[string][]byte{
		"cut":          one[:1024],
		"other size":   Tar(t, Dir("d"), File("d/f", "more content"), Symlink("l", "d")),
		"other kind":   Tar(t, Dir("d"), Symlink("d/f", "/etc/shadow"), Symlink("l", "d")),
		"other target": Tar(t, Dir("d"), File("d/f", "content"), Symlink("l", "e")),
		"empty":        Tar(t),
		"hostile":      Tar(t, Dir("d"), File("../f", "content"), Symlink("l", "d")),
	} {
		t.Run(name, func(t *testing.T) {
			content := one
			l := Layer("layer 1", nil)
			l.Open = func(ctx context.Context) (io.ReadCloser, error) { return Layer("", content).Open(ctx) }
			tree, err := flatten.Index(t.Context(), []archive.Layer{l}, options)
			if err != nil {
				t.Fatal(err)
			}
			content = other
			_, err = tree.WriteTar(t.Context(), io.Discard)
			imagetest.WantError[*archive.RefusedError](t, err)
		})
	}
}

func TestReadingEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	l := Layer("layer 1", nil)
	l.Open = func(ctx context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(Tar(t, File("a", strings.Repeat("x", 4<<20)))[:1<<20]),
			blocked{ctx, cancel, stop})), nil
	}
	_, err := flatten.Index(ctx, []archive.Layer{l}, options)
	if !errors.Is(err, stop) {
		t.Errorf("the error is %v", err)
	}
}

// blocked is a reader that ends with its context, which it cancels.
type blocked struct {
	ctx    context.Context //nolint:containedctx // io.Reader has none
	cancel context.CancelCauseFunc
	cause  error
}

func (b blocked) Read([]byte) (int, error) {
	b.cancel(b.cause)
	<-b.ctx.Done()
	return 0, context.Cause(b.ctx)
}

func TestLimits(t *testing.T) {
	many := layer{}
	for n := range 60 {
		many = append(many, File(fmt.Sprintf("%d", n), "0123456789"))
	}
	for name, c := range map[string]struct {
		limits archive.Limits
		layers []layer
		says   string
	}{
		"entries":             {archive.Limits{Entries: 100}, []layer{many, many}, "more than 100 files"},
		"implied directories": {archive.Limits{Entries: 100}, []layer{{File(strings.Repeat("d/", 101)+"f", "")}}, "more than 100 files"},
		"bytes of a file":     {archive.Limits{Bytes: 5000}, []layer{{File("f", strings.Repeat("x", 6000))}}, "decompressed"},
		"bytes of layers":     {archive.Limits{Bytes: 100_000}, []layer{many, many}, "decompressed"},
		"names":               {archive.Limits{Memory: 800}, []layer{{File(strings.Repeat("n", 250), ""), File(strings.Repeat("m/", 376)+"m", "")}, {File(strings.Repeat("n", 250), "")}}, "of memory"},
		"targets":             {archive.Limits{Memory: 1000}, []layer{{Symlink("a", strings.Repeat("t", 600)), Symlink("b", strings.Repeat("t", 600))}}, "of memory"},
		"attributes": {archive.Limits{Memory: 1000}, []layer{{Dir("a").With(func(h *tar.Header) {
			h.PAXRecords = map[string]string{"SCHILY.xattr.user.a": strings.Repeat("t", 1000)}
		})}}, "of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options
			o.Limits = c.limits
			_, err := flatten.Index(t.Context(), Layers(t, c.layers...), o)
			if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(refused.Reason, c.says) {
				t.Errorf("it says %v", err)
			}
		})
	}
}
