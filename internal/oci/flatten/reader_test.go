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

	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

// Everything that a file has arrives, and hard links have what their file has.
func TestMetadataIsKept(t *testing.T) {
	rich := func(h *tar.Header) {
		h.Mode, h.Uid, h.Gid = 0o4750, 1000, 4_294_967_294
		h.ModTime = Time.Add(5_000_000)
		h.PAXRecords = map[string]string{
			"SCHILY.xattr.security.capability": "\x01\x00\x00\x02",
			"SCHILY.xattr.user.a":              "b",
		}
		h.Uname, h.Gname = "app", "app"
	}
	layers := Layers(t, layer{Dir("d").With(rich), File("f", "x").With(rich), Link("a", "f")})
	tree, err := flatten.Index(t.Context(), layers, options)
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
		lower = append(
			lower,
			File(fmt.Sprintf("d%d/f%d", n%17, n), "x"),
			Link(fmt.Sprintf("l%d", n), fmt.Sprintf("d%d/f%d", n%17, n)),
		)
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
	one := Tar(t, Dir("d"), File("d/f", "content"), File("d/empty", ""), Symlink("l", "d"))
	for name, other := range map[string][]byte{
		"cut":          one[:1024],
		"other size":   Tar(t, Dir("d"), File("d/f", "more content"), Symlink("l", "d")),
		"other kind":   Tar(t, Dir("d"), Symlink("d/f", "/etc/shadow"), Symlink("l", "d")),
		"symlink":      Tar(t, Dir("d"), File("d/f", "content"), Symlink("d/empty", "/etc/shadow"), Symlink("l", "d")),
		"other target": Tar(t, Dir("d"), File("d/f", "content"), File("d/empty", ""), Symlink("l", "e")),
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
		"entries": {archive.Limits{Entries: 100}, []layer{many, many}, "more than 100 files"},
		"implied directories": {
			archive.Limits{Entries: 100},
			[]layer{{File(strings.Repeat("d/", 101)+"f", "")}},
			"more than 100 files",
		},
		"bytes of a file": {
			archive.Limits{Bytes: 5000},
			[]layer{{File("f", strings.Repeat("x", 6000))}},
			"decompressed",
		},
		"bytes of layers": {archive.Limits{Bytes: 100_000}, []layer{many, many}, "decompressed"},
		"names": {
			archive.Limits{Memory: 800},
			[]layer{
				{File(strings.Repeat("n", 250), ""), File(strings.Repeat("m/", 376)+"m", "")},
				{File(strings.Repeat("n", 250), "")},
			},
			"of memory",
		},
		"targets": {
			archive.Limits{Memory: 1000},
			[]layer{{Symlink("a", strings.Repeat("t", 600)), Symlink("b", strings.Repeat("t", 600))}},
			"of memory",
		},
		"attributes": {archive.Limits{Memory: 1000}, []layer{{Dir("a").With(func(h *tar.Header) {
			h.PAXRecords = map[string]string{"SCHILY.xattr.user.a": strings.Repeat("t", 1000)}
		})}}, "of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options
			o.Limits = c.limits
			_, err := flatten.Index(t.Context(), Layers(t, c.layers...), o)
			if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(
				refused.Reason,
				c.says,
			) {
				t.Errorf("it says %v", err)
			}
		})
	}
}
