package flatten_test

import (
	"archive/tar"
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
		"missing parents": {
			[]layer{{File("a/b/c", "1")}},
			[]string{"d a 755", "d a/b 755", "f a/b/c: 1"},
		},
		"missing parents of a directory below": {
			[]layer{{mode(Dir("a"), 0o700)}, {File("a/c", "1")}},
			[]string{"d a 700", "f a/c: 1"},
		},
		"parents that follow": {
			[]layer{{File("a/c", "1"), mode(Dir("a"), 0o711)}},
			[]string{"d a 711", "f a/c: 1"},
		},
		"a directory's mode of the upper layer": {
			[]layer{{mode(Dir("a"), 0o700)}, {mode(Dir("a"), 0o750)}},
			[]string{"d a 750"},
		},
		"names with ./ and / before them": {
			[]layer{{Dir("./"), Dir("./a"), File("/a/x", "1"), File("a//y", "2")}},
			[]string{"d a 755", "f a/x: 1", "f a/y: 2"},
		},
		"the last of several entries": {
			[]layer{{File("x", "1"), File("y", ""), File("./x", "2")}},
			[]string{"f y: ", "f x: 2"},
		},
		"whiteout": {
			[]layer{{File("x", "1"), File("y", "1")}, {File(".wh.x", "")}},
			[]string{"f y: 1"},
		},
		"whiteout of a directory": {
			[]layer{{File("a/x", "1"), File("y", "1")}, {File(".wh.a", "")}},
			[]string{"f y: 1"},
		},
		"whiteout of nothing": {
			[]layer{{File("y", "1")}, {File("b/.wh.a", "")}},
			[]string{"d b 755", "f y: 1"},
		},
		"whiteout in the lowest layer": {[]layer{{File("y", "1"), File(".wh.y", "")}}, []string{"f y: 1"}},
		"whiteout beside the file, before it": {
			[]layer{{File("a/x", "1"), File("a/z", "1")}, {File(".wh.a", ""), File("a/y", "2")}},
			[]string{"d a 755", "f a/y: 2"},
		},
		"whiteout beside the file, after it": {
			[]layer{{File("a/x", "1")}, {File("a/y", "2"), File(".wh.a", "")}},
			[]string{"d a 755", "f a/y: 2"},
		},
		"whiteout as a device": {
			[]layer{{File("x", "1"), File("y", "1")}, {Device(tar.TypeChar, "x", 0, 0)}},
			[]string{"f y: 1"},
		},
		"opaque": {
			[]layer{{File("a/x", "1"), File("a/b/y", "1")}, {File("a/z", "2"), File("a/.wh..wh..opq", "")}},
			[]string{"d a 755", "f a/z: 2"},
		},
		"opaque root": {
			[]layer{{File("a/x", "1")}, {File(".wh..wh..opq", ""), File("z", "2")}},
			[]string{"f z: 2"},
		},
		"opaque as an attribute": {[]layer{{File("a/x", "1")}, {Dir("a").With(func(h *tar.Header) {
			h.PAXRecords = map[string]string{"SCHILY.xattr.trusted.overlay.opaque": "y"}
		}), File("a/z", "2")}}, []string{"d a 755", "f a/z: 2"}},
		"opaque, and files of the layer above": {
			[]layer{{File("a/x", "1")}, {File("a/.wh..wh..opq", "")}, {File("a/x", "3")}},
			[]string{"d a 755", "f a/x: 3"},
		},
		"notes of AUFS": {
			[]layer{{File("x", "1"), File(".wh..wh.plnk/1.2", ""), Dir(".wh..wh.orph")}},
			[]string{"f x: 1"},
		},
		"a file in place of a directory": {[]layer{{File("a/x", "1")}, {File("a", "2")}}, []string{"f a: 2"}},
		"a directory in place of a file": {
			[]layer{{File("a", "1")}, {File("a/x", "2")}},
			[]string{"d a 755", "f a/x: 2"},
		},
		"a directory in place of a symlink": {
			[]layer{{Dir("b"), Symlink("a", "b")}, {File("a/x", "2")}},
			[]string{"d a 755", "d b 755", "f a/x: 2"},
		},
		"a symlink that leads out": {
			[]layer{{Symlink("a", "../../etc"), Symlink("b", "/")}},
			[]string{"l a -> ../../etc", "l b -> /"},
		},
		"devices and a FIFO": {
			[]layer{{Device(tar.TypeChar, "null", 1, 3), Device(tar.TypeFifo, "pipe", 0, 0)}},
			[]string{"3 null", "6 pipe"},
		},

		"hard links": {
			[]layer{{File("a", "1"), Link("c", "a"), Link("b", "./c")}},
			[]string{"f a: 1", "h b = a", "h c = a"},
		},
		"hard link before the target's name": {
			[]layer{{File("z", "1"), Link("a", "z")}},
			[]string{"f a: 1", "h z = a"},
		},
		"hard link to a symlink": {
			[]layer{{Symlink("a", "x"), Link("b", "a")}},
			[]string{"l a -> x", "h b = a"},
		},
		"hard link whose target is replaced above": {
			[]layer{{File("a", "1"), Link("b", "a")}, {File("a", "2")}},
			[]string{"f b: 1", "f a: 2"},
		},
		"hard link whose target is removed above": {
			[]layer{{File("a", "1"), Link("b", "a")}, {File(".wh.a", "")}},
			[]string{"f b: 1"},
		},
		"hard link whose directory is removed above": {
			[]layer{{File("d/a", "1"), Link("b", "d/a"), Link("c", "b")}, {File(".wh.d", "")}},
			[]string{"f b: 1", "h c = b"},
		},
		"hard link to what a lower layer has": {
			[]layer{{File("a", "1")}, {Link("b", "a")}},
			[]string{"f a: 1", "h b = a"},
		},
		"hard link to what a lower layer had": {
			[]layer{{File("a", "1")}, {File(".wh.a", ""), Link("b", "a")}},
			[]string{"f b: 1"},
		},
		"hard link to a lower file, then replaced": {
			[]layer{{File("a", "1")}, {Link("b", "a")}, {File("a", "3")}},
			[]string{"f b: 1", "f a: 3"},
		},
		"hard link to a file that is replaced beside it": {
			[]layer{{File("a", "1"), Link("b", "a"), File("a", "2")}},
			[]string{"f b: 1", "f a: 2"},
		},
		"hard link to the layer's own file first": {
			[]layer{{File("a", "1")}, {File("a", "2"), Link("b", "a")}},
			[]string{"f a: 2", "h b = a"},
		},
		"hard link to itself": {
			[]layer{{File("a", "1"), Link("a", "a")}},
			[]string{"f a: 1"},
		},
		"hard link in place of a file": {
			[]layer{{File("a", "1"), File("b", "1")}, {File("c", "2"), Link("b", "c")}},
			[]string{"f a: 1", "f b: 2", "h c = b"},
		},
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
		"file below a symlink": {
			[]layer{{Symlink("a", "/etc"), File("a/x", "1")}},
			"layer 1",
			"a/x",
			"no directory in the same layer",
		},
		"file below a file": {[]layer{{File("a", ""), File("a/x", "1")}}, "layer 1", "a/x", "no directory"},
		"whiteout below a symlink": {
			[]layer{{File("y", "")}, {Symlink("a", "/etc"), File("a/.wh.x", "")}},
			"layer 2",
			"a/x",
			"no directory",
		},
		"opaque below a symlink": {
			[]layer{{Symlink("a", "b"), File("a/.wh..wh..opq", "")}},
			"layer 1",
			"a",
			"no directory",
		},
		"symlink in place of a parent": {
			[]layer{{File("a/x", "1"), Symlink("a", "/etc")}},
			"layer 1",
			"a",
			"has files in it",
		},
		"link in place of a parent": {
			[]layer{{File("b", "1"), File("a/x", "1"), Link("a", "b")}},
			"layer 1",
			"a",
			"has files in it",
		},
		"hard link to nothing": {[]layer{{File("y", "")}, {Link("a", "b")}}, "layer 2", "a", "not there"},
		"hard link to what follows": {
			[]layer{{Link("a", "b"), File("b", "1")}},
			"layer 1",
			"a",
			"follows only later",
		},
		"hard link to a directory": {
			[]layer{{Dir("b")}, {Link("a", "b")}},
			"layer 2",
			"a",
			"hard link to the directory",
		},
		"hard link to an own directory": {
			[]layer{{Dir("b"), Link("a", "b")}},
			"layer 1",
			"a",
			"hard link to the directory",
		},
		"hard link through a symlink": {
			[]layer{{File("d/x", "1"), Symlink("s", "d"), Link("a", "s/x")}},
			"layer 1",
			"a",
			"not there",
		},
		"hard link below a new file": {
			[]layer{{File("d/x", "1")}, {File("d", ""), Link("a", "d/x")}},
			"layer 2",
			"a",
			"not there",
		},
		"hard link out of the root": {
			[]layer{{Link("a", "../../etc/shadow")}},
			"layer 1",
			"a",
			"no file of the image",
		},
		"no files": {[]layer{{Dir("./")}}, "", "", "no files"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := listed(t, c.layers...)
			if err == nil {
				t.Fatalf("it was accepted: %q", got)
			}
			refused := imagetest.WantError[*archive.RefusedError](t, err)
			if refused.Layer != c.layer || refused.Entry != c.entry || !strings.Contains(refused.Reason, c.says) {
				t.Errorf(
					"it blames %q, %q: %v; want %q, %q: %s",
					refused.Layer,
					refused.Entry,
					err,
					c.layer,
					c.entry,
					c.says,
				)
			}
			imagetest.WantBlamed(t, err, "path")
		})
	}
}
