package oci_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

var request = oci.Request{Origin: image.Origin{Name: "shop.tar", Attribute: "path"}, Platform: oci.LinuxAMD64}

// shop is an image of two layers, the upper one of which removes a file.
func shop(t testing.TB, architecture string, changes ...func(*v1.ConfigFile)) v1.Image {
	t.Helper()
	im := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	im = mutate.ConfigMediaType(im, types.OCIConfigJSON)
	lower := Tar(t, Dir("etc"), File("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"),
		File("etc/group", "app:x:1000:\nstaff:x:50:app\n"), File("etc/old", "old"), File("shop", "program"))
	upper := Tar(t, File("etc/.wh.old", ""), File("etc/made-for", architecture))
	for _, content := range [][]byte{lower, upper} {
		l := must.Get[v1.Layer](t)(tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content)), nil
		}, tarball.WithMediaType(types.OCILayer)))
		im = must.Get[v1.Image](t)(mutate.AppendLayers(im, l))
	}
	f := must.Get[*v1.ConfigFile](t)(im.ConfigFile())
	f = f.DeepCopy()
	f.OS, f.Architecture = "linux", architecture
	f.Config.Entrypoint = []string{"/shop"}
	for _, change := range changes {
		change(f)
	}
	return must.Get[v1.Image](t)(mutate.ConfigFile(im, f))
}

// asLayout writes an OCI layout with these images into a directory.
func asLayout(t testing.TB, images ...v1.Image) string {
	t.Helper()
	directory := t.TempDir()
	l := must.Get[layout.Path](t)(layout.Write(directory, empty.Index))
	for n, im := range images {
		f := must.Get[*v1.ConfigFile](t)(im.ConfigFile())
		if err := l.AppendImage(im, layout.WithAnnotations(map[string]string{
			"org.opencontainers.image.ref.name": fmt.Sprintf("shop:%d", n),
		}), layout.WithPlatform(*f.Platform())); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// packed is the archive of a directory.
func packed(t testing.TB, directory string) []byte {
	t.Helper()
	var entries []Entry
	err := filepath.WalkDir(directory, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, _ := filepath.Rel(directory, at)
		entries = append(entries, File(filepath.ToSlash(relative), string(imagetest.ReadFile(t, at))))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries) // so that what lists the others comes last
	return Tar(t, entries...)
}

// asDockerArchive is what docker save would write.
func asDockerArchive(t testing.TB, tagged map[string]v1.Image) []byte {
	t.Helper()
	images := map[name.Reference]v1.Image{}
	for tag, im := range tagged {
		images[must.Get[name.Tag](t)(name.NewTag(tag))] = im
	}
	var b bytes.Buffer
	if err := tarball.MultiRefWrite(images, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fromFile opens a file with that content.
func fromFile(t testing.TB, r oci.Request, content []byte) (*oci.Image, error) {
	t.Helper()
	file := must.Get[*localfile.File](t)(localfile.Open(r.Origin, imagetest.WriteFile(t, content)))
	return oci.FromFile(t.Context(), r, file)
}

// listed are the files of an image's root.
func listed(t testing.TB, im *oci.Image) ([]string, error) {
	t.Helper()
	tree, err := im.Index(t.Context(), oci.Options{})
	if err != nil {
		return nil, err
	}
	var names []string
	r := tree.Open(t.Context())
	defer r.Close()
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return names, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return names, err
		}
		if h.Name == "etc/made-for" {
			h.Name += "=" + string(content)
		}
		names = append(names, h.Name)
	}
}

var shopFiles = []string{"./", "etc/", "etc/passwd", "etc/group", "shop", "etc/made-for=amd64"}

func mustDo(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
