package ocitest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

// Shop is an image of two layers, the upper one of which removes a file.
func Shop(t testing.TB, architecture string, changes ...func(*v1.ConfigFile)) v1.Image {
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

// Repacked is an image of Shop whose layers are compressed in another way, so that it has another manifest.
func Repacked(t testing.TB, shop v1.Image) v1.Image {
	t.Helper()
	im := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	im = mutate.ConfigMediaType(im, types.OCIConfigJSON)
	for _, l := range must.Get[[]v1.Layer](t)(shop.Layers()) {
		again := must.Get[v1.Layer](t)(tarball.LayerFromOpener(l.Uncompressed, tarball.WithMediaType(types.OCILayer),
			tarball.WithCompressionLevel(gzip.NoCompression)))
		im = must.Get[v1.Image](t)(mutate.AppendLayers(im, again))
	}
	return must.Get[v1.Image](t)(mutate.ConfigFile(im, must.Get[*v1.ConfigFile](t)(shop.ConfigFile())))
}

// Layout writes an OCI layout with these images into a directory.
func Layout(t testing.TB, images ...v1.Image) string {
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

// Packed is the archive of a directory.
func Packed(t testing.TB, directory string) []byte {
	t.Helper()
	var entries []Entry
	err := filepath.WalkDir(directory, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, _ := filepath.Rel(directory, at)
		content := must.Get[[]byte](t)(os.ReadFile(at)) //nolint:gosec // the test has made it
		entries = append(entries, File(filepath.ToSlash(relative), string(content)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries) // so that what lists the others comes last
	return Tar(t, entries...)
}

// DockerArchive is what docker save would write.
func DockerArchive(t testing.TB, tagged map[string]v1.Image) []byte {
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
