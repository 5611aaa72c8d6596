package oci_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

// usersOf reads the users of layers.
func usersOf(t *testing.T, layers ...[]Entry) (flatten.Users, error) {
	t.Helper()
	tree := must.Get[*flatten.Tree](t)(
		flatten.Index(t.Context(), Layers(t, layers...), flatten.Options{Origin: request.Origin}),
	)
	return tree.Users(t.Context())
}

func TestUsers(t *testing.T) {
	im, err := oci.FromDirectory(t.Context(), request, Layout(t, []v1.Image{Shop(t, "amd64")}...))
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	tree := must.Get[*flatten.Tree](t)(im.Index(t.Context(), oci.Options{}))
	users := must.Get[flatten.Users](t)(tree.Users(t.Context()))
	for wanted, want := range map[string]string{
		"":            "0 0 [] /root",
		"root":        "0 0 [] /root",
		"app":         "1000 1000 [50] /home/app",
		"app:staff":   "1000 50 [] /home/app",
		"app:7":       "1000 7 [] /home/app",
		"1000":        "1000 1000 [50] /home/app",
		"1000:1000":   "1000 1000 [] /home/app",
		"4000":        "4000 0 [] ",
		"4000:staff":  "4000 50 [] ",
		":staff":      "0 50 [] /root",
		"nobody":      "",
		"app:wheel":   "",
		"-1":          "",
		"4294967296":  "",
		"app:staff:x": "",
	} {
		got, err := users.Lookup(wanted)
		if text := fmt.Sprintf("%d %d %v %s", got.UID, got.GID, got.Groups, got.Home); err == nil && text != want {
			t.Errorf("%q is %q, want %q", wanted, text, want)
		}
		if (err == nil) != (want != "") {
			t.Errorf("%q: %v, want %q", wanted, err, want)
		}
		if err != nil {
			imagetest.WantError[*flatten.UnknownUserError](t, err)
		}
	}
}

func TestUsersAreReadWhereverTheyAre(t *testing.T) {
	for name, c := range map[string]struct {
		layers [][]Entry
		want   bool
	}{
		"no users": {[][]Entry{{File("a", "")}}, false},
		"replaced above": {
			[][]Entry{{File("etc/passwd", "old:x:1:1::/:/\n")}, {File("etc/passwd", "app:x:1000:1000::/:/\n")}},
			true,
		},
		"removed above": {
			[][]Entry{{File("etc/passwd", "app:x:1000:1000::/:/\n")}, {File("etc/.wh.passwd", "")}},
			false,
		},
		"behind symlinks": {
			[][]Entry{
				{
					File("store/1/passwd", "app:x:1000:1000::/:/\n"),
					Symlink("etc/passwd", "/current/passwd"),
					Symlink("current", "store/1/../1"),
				},
			},
			true,
		},
		"hard link":              {[][]Entry{{File("b", "app:x:1000:1000::/:/\n"), Link("etc/passwd", "b")}}, true},
		"symlinks in circles":    {[][]Entry{{Symlink("etc/passwd", "passwd")}}, false},
		"symlink that leads out": {[][]Entry{{Symlink("etc/passwd", "../../../../../../../../etc/passwd")}}, false},
		"a directory":            {[][]Entry{{Dir("etc/passwd")}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			users, err := usersOf(t, c.layers...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := users.Lookup("app"); (err == nil) != c.want {
				t.Errorf("app: %v", err)
			}
			if u, err := users.Lookup("1000:1000"); err != nil || u.UID != 1000 || !slices.Equal(u.Groups, []int{}) {
				t.Errorf("1000:1000 is %v, %v", u, err)
			}
		})
	}
	_, err := usersOf(t, []Entry{File("etc/passwd", strings.Repeat("#", 2<<20))})
	imagetest.WantError[*archive.RefusedError](t, err)
}
