package oci_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

// TestImagesWithTheSameFiles compares what stands for the content of images.
func TestImagesWithTheSameFiles(t *testing.T) {
	im := Shop(t, "amd64")
	other := Shop(t, "amd64", func(f *v1.ConfigFile) { f.Config.Entrypoint = []string{"/other"} })
	repacked := Repacked(t, im)
	if must.Get[v1.Hash](t)(repacked.Digest()) == must.Get[v1.Hash](t)(im.Digest()) {
		t.Fatal("compressed in another way, the image has the same manifest")
	}
	var contents []string
	for name, open := range map[string]func() (*oci.Image, error){
		"layout": func() (*oci.Image, error) { return oci.FromDirectory(t.Context(), request, Layout(t, im)) },
		"docker": func() (*oci.Image, error) {
			return fromFile(t, request, DockerArchive(t, map[string]v1.Image{"shop:1": im}))
		},
		"repacked": func() (*oci.Image, error) {
			return oci.FromDirectory(t.Context(), request, Layout(t, repacked))
		},
		"other": func() (*oci.Image, error) { return oci.FromDirectory(t.Context(), request, Layout(t, other)) },
	} {
		opened := must.Get[*oci.Image](t)(open())
		contents = append(contents, opened.Content())
		id := must.Get[v1.Hash](t)(im.ConfigName())
		known := opened.Identity() == oci.Identity{Of: oci.OfConfig, Digest: id.String()}
		manifest := map[string]string{
			"layout":   must.Get[v1.Hash](t)(im.Digest()).String(),
			"repacked": must.Get[v1.Hash](t)(repacked.Digest()).String(),
			"other":    must.Get[v1.Hash](t)(other.Digest()).String(),
		}[name]
		if known != (name != "other") || opened.Manifest() != manifest {
			t.Errorf("%s: it is known as %s, and its manifest as %q", name, opened.Identity(), opened.Manifest())
		}
		mustDo(t, opened.Close())
	}
	if contents[0] == "" || len(slices.Compact(contents)) != 1 {
		t.Errorf("the same layers stand for %q", contents)
	}
}

// TestCompressedRootsNeedNoTemporaryFile opens a root file system where there is no room for another
// file.
func TestCompressedRootsNeedNoTemporaryFile(t *testing.T) {
	root := Tar(t, Dir("."), Dir("etc"), File("etc/passwd", "root:x:0:0::/root:/bin/sh\n"), File("shop", "program"))
	packed := imagetest.Packed(t, "gzip", root)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	t.Setenv("TMP", filepath.Join(t.TempDir(), "missing"))
	file := packed
	for _, want := range []string{"", imagetest.SHA256(packed)} {
		r := request
		if want != "" {
			r.Want = must.Get[image.Checksum](t)(image.ParseChecksum(want))
		}
		im := must.Get[*oci.Image](t)(fromFile(t, r, file))
		if im.Content() != "" {
			t.Errorf("before it was read, it has the content %s", im.Content())
		}
		if id := must.Get[oci.Identity](t)(im.Identify(t.Context())); id.String() != "root:"+imagetest.SHA256(root) {
			t.Errorf("its identity is %s", id)
		}
		names := must.Get[[]string](t)(listed(t, im))
		if !slices.Equal(names, []string{"./", "etc/", "etc/passwd", "shop"}) || im.Content() == "" {
			t.Errorf("it has %q", names)
		}
		mustDo(t, im.Close())
	}
	r := request
	r.Want = must.Get[image.Checksum](t)(image.ParseChecksum(imagetest.SHA256(root)))
	if _, err := fromFile(t, r, file); err == nil {
		t.Error("another checksum is taken for that of the file")
	}
}

func TestALayoutBehindARoot(t *testing.T) {
	content := imagetest.Packed(t, "gzip", Tar(t, Dir("etc"), File("oci-layout", "{}"), File("index.json", "{}")))
	im := must.Get[*oci.Image](t)(fromFile(t, request, content))
	defer im.Close()
	_, err := im.Index(t.Context(), oci.Options{})
	if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(refused.Reason, "OCI layout") {
		t.Errorf("it says %v", err)
	}
}

func TestUsersAreListed(t *testing.T) {
	root := Tar(t, File("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:50::/srv/app:/bin/sh\nbad:x:-1:0:::\n"+
		strings.Repeat("x", 100)+":x:1:1:::\n"), File("etc/group", "staff:x:50:app,root\nbad:x:-5:\n"))
	im := must.Get[*oci.Image](t)(fromFile(t, request, root))
	defer im.Close()
	tree := must.Get[*flatten.Tree](t)(im.Index(t.Context(), oci.Options{}))
	users, groups := must.Get[flatten.Users](t)(tree.Users(t.Context())).List()
	want := []flatten.Entry{{Name: "root", Home: "/root"}, {Name: "app", UID: 1000, GID: 50, Home: "/srv/app"}}
	if !slices.Equal(users, want) {
		t.Errorf("the users are %+v", users)
	}
	if len(groups) != 1 || groups[0].Name != "staff" || groups[0].GID != 50 ||
		!slices.Equal(groups[0].Members, []string{"app", "root"}) {
		t.Errorf("the groups are %+v", groups)
	}
}

func TestPlatformsOfMachines(t *testing.T) {
	for machine, want := range map[string]string{"x86_64": "linux/amd64", "aarch64": "linux/arm64", "s390x": ""} {
		p, known := oci.PlatformOf(machine)
		if known != (want != "") || known && p.String() != want {
			t.Errorf("a %s has the platform %s, %t", machine, p, known)
		}
	}
}
