package oci_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
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

func TestImagesAreFoundInAllForms(t *testing.T) {
	im := shop(t, "amd64")
	digest := "manifest:" + must.Get[v1.Hash](t)(im.Digest()).String()
	id := "config:" + must.Get[v1.Hash](t)(im.ConfigName()).String()
	directory := asLayout(t, shop(t, "arm64"), im)
	docker := asDockerArchive(t, map[string]v1.Image{"shop:1": im, "shop:latest": im, "other:1": shop(t, "arm64")})
	root := Tar(t, Dir("./"), Dir("etc"), File("etc/passwd", ""), File("etc/group", ""), File("shop", ""),
		File("etc/made-for", "amd64"), File("manifest.json", `{"files": []}`))

	open := map[string]func(t *testing.T) (*oci.Image, error){
		"directory": func(t *testing.T) (*oci.Image, error) { return oci.FromDirectory(t.Context(), request, directory) },
	}
	forms := map[string][]byte{"layout": packed(t, directory), "docker": docker, "root": root}
	for form, content := range maps(forms) {
		open[form] = func(t *testing.T) (*oci.Image, error) { return fromFile(t, request, content) }
		open[form+" with a checksum"] = func(t *testing.T) (*oci.Image, error) {
			r := request
			r.Want = must.Get[image.Checksum](t)(image.ParseChecksum(imagetest.SHA512(content)))
			return fromFile(t, r, content)
		}
		open[form+" in a stream"] = func(t *testing.T) (*oci.Image, error) {
			return oci.FromStream(t.Context(), request, transfer.Stream{Reader: bytes.NewReader(content), Size: int64(len(content))})
		}
		for _, tool := range imagetest.Tools {
			small := imagetest.Packed(t, tool, content)
			open[form+" with "+tool] = func(t *testing.T) (*oci.Image, error) {
				r := request
				r.Want = must.Get[image.Checksum](t)(image.ParseChecksum(imagetest.SHA256(small)))
				return fromFile(t, r, small)
			}
		}
	}
	for form, open := range open {
		t.Run(form, func(t *testing.T) {
			im, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			defer im.Close()
			got, err := listed(t, im)
			want, kind, identity := shopFiles, oci.Layout, digest
			switch {
			case strings.HasPrefix(form, "docker"):
				kind, identity = oci.DockerArchive, id
			case strings.HasPrefix(form, "root"):
				kind, identity = oci.RootArchive, "root:"+imagetest.SHA256(root)
				want = append(slices.Clone(shopFiles), "manifest.json")
			}
			if err != nil || !slices.Equal(got, want) || im.Kind != kind || im.Identity().String() != identity {
				t.Errorf("got %s %s with %q, %v; want %s %s with %q", im.Kind, im.Identity(), got, err, kind, identity, want)
			}
			if back, err := oci.ParseIdentity(identity); err != nil || back != im.Identity() {
				t.Errorf("the identity is read as %v, %v", back, err)
			}
			if kind != oci.RootArchive && (im.Config.Architecture != "amd64" || im.Layers() != 2) {
				t.Errorf("its configuration is %+v, and it has %d layers", im.Config, im.Layers())
			}
		})
	}
	if _, err := oci.ParseIdentity("disk:" + imagetest.SHA256(root)); err == nil {
		t.Error("another identity was accepted")
	}
}

// maps visits a map.
func maps(m map[string][]byte) func(func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for k, v := range m {
			if !yield(k, v) {
				return
			}
		}
	}
}

func TestPlatforms(t *testing.T) {
	variant := func(v string) func(*v1.ConfigFile) { return func(f *v1.ConfigFile) { f.Variant = v } }
	other := func(f *v1.ConfigFile) { f.Author = "another" }
	windows := func(f *v1.ConfigFile) { f.OS = "windows" }
	for name, c := range map[string]struct {
		images   []v1.Image
		platform oci.Platform
		want     string   // the architecture; "" for none
		says     []string // if there is none
	}{
		"one":              {[]v1.Image{shop(t, "arm64")}, oci.LinuxARM64, "arm64", nil},
		"of two":           {[]v1.Image{shop(t, "amd64"), shop(t, "arm64")}, oci.LinuxARM64, "arm64", nil},
		"with its variant": {[]v1.Image{shop(t, "arm64", variant("v8"))}, oci.LinuxARM64, "arm64", nil},
		"twice the same":   {[]v1.Image{shop(t, "amd64"), shop(t, "amd64")}, oci.LinuxAMD64, "amd64", nil},
		"none":             {[]v1.Image{shop(t, "arm64", variant("v8")), shop(t, "s390x")}, oci.LinuxAMD64, "", []string{"linux/amd64", "linux/arm64/v8 (shop:0), linux/s390x (shop:1)"}},
		"newer processors": {[]v1.Image{shop(t, "amd64", variant("v3"))}, oci.LinuxAMD64, "", []string{"linux/amd64/v3"}},
		"another system":   {[]v1.Image{shop(t, "amd64", windows)}, oci.LinuxAMD64, "", []string{"windows/amd64"}},
		"several":          {[]v1.Image{shop(t, "amd64"), shop(t, "amd64", other)}, oci.LinuxAMD64, "", []string{"several", "(shop:0)", "(shop:1)"}},
		"nothing at all":   {nil, oci.LinuxAMD64, "", []string{"nothing that can be run"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := request
			r.Platform = c.platform
			im, err := oci.FromDirectory(t.Context(), r, asLayout(t, c.images...))
			if c.want != "" {
				if err != nil {
					t.Fatal(err)
				}
				defer im.Close()
				if im.Config.Architecture != c.want {
					t.Errorf("it is for %s", im.Config.Architecture)
				}
				return
			}
			imagetest.WantError[*oci.PlatformError](t, err)
			imagetest.WantBlamed(t, err, "path")
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("it does not say %q: %v", part, err)
				}
			}
		})
	}
	for text, want := range map[string]oci.Platform{"linux/amd64": oci.LinuxAMD64, "linux/arm64": oci.LinuxARM64, "linux/riscv64": {}, "": {}, "windows/amd64": {}} {
		if got, err := oci.ParsePlatform(text); got != want || (err == nil) != (want != oci.Platform{}) {
			t.Errorf("ParsePlatform(%q) = %v, %v", text, got, err)
		}
	}
}

// An index that is listed by an index, without platforms and with attestations in it, as buildx writes.
func TestNestedIndexes(t *testing.T) {
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: shop(t, architecture)})
	}
	index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: shop(t, "amd64", func(f *v1.ConfigFile) { f.Author = "x" }),
		Descriptor: v1.Descriptor{Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"}}})
	directory := t.TempDir()
	l := must.Get[layout.Path](t)(layout.Write(directory, empty.Index))
	if err := l.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	im, err := oci.FromDirectory(t.Context(), request, directory)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	if got, err := listed(t, im); err != nil || !slices.Equal(got, shopFiles) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	root := Tar(t, File("a", strings.Repeat("content ", 100)))
	ext4 := make([]byte, 1<<20)
	copy(ext4[1080:], "\x53\xef")
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":            {nil, "it is empty"},
		"nothing packed":   {imagetest.Packed(t, "gzip", nil), "inside it is empty"},
		"HTML":             {[]byte("<html><body>Please log in</body></html>"), "HTML"},
		"packed HTML":      {imagetest.Packed(t, "xz", []byte("<html><body>Please log in</body></html>")), "inside it is an HTML page"},
		"disk":             {imagetest.RawDisk(1 << 20), "neither a tar archive"},
		"qcow2":            {imagetest.Qcow2(nil), "neither a tar archive"},
		"zip":              {append([]byte("PK\x03\x04"), make([]byte, 1000)...), "zip"},
		"zeros":            {make([]byte, 1<<20), "neither a tar archive"},
		"ext4":             {ext4, "ext4"},
		"compressed twice": {imagetest.Packed(t, "gzip", imagetest.Packed(t, "xz", root)), "inside it is compressed with xz"},
		"cut gzip":         {imagetest.Packed(t, "gzip", root)[:60], "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fromFile(t, request, c.content)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(refused.Reason, c.says) {
				t.Errorf("it says %v", err)
			}
			imagetest.WantBlamed(t, err, "path")
		})
	}
	for _, content := range [][]byte{ext4, imagetest.Packed(t, "zstd", ext4)} {
		c, whole, err := oci.Peek(request.Origin, transfer.Stream{Reader: bytes.NewReader(content), Size: -1})
		if again := must.Get[[]byte](t)(io.ReadAll(whole.Reader)); err != nil || !c.Ext4 || !bytes.Equal(again, content) {
			t.Errorf("it is %+v, and %d bytes of %d are left, %v", c, len(again), len(content), err)
		}
	}
}

func TestDamagedImagesAreRefused(t *testing.T) {
	im := shop(t, "amd64")
	layers := must.Get[[]v1.Layer](t)(im.Layers())
	layerFile := func(n int) string { return "blobs/sha256/" + must.Get[v1.Hash](t)(layers[n].Digest()).Hex }
	configFile := "blobs/sha256/" + must.Get[v1.Hash](t)(im.ConfigName()).Hex
	manifestFile := "blobs/sha256/" + must.Get[v1.Hash](t)(im.Digest()).Hex
	flip := func(data []byte) []byte { data[len(data)/2] ^= 1; return data }
	for name, c := range map[string]struct {
		file   string
		change func(data []byte) []byte // nil removes the file
		layer  string
		says   string
	}{
		"no layer":               {layerFile(0), nil, "", "lacks its file"},
		"other layer":            {layerFile(1), flip, "layer 2 of 2", ""},
		"cut layer":              {layerFile(1), func(data []byte) []byte { return data[:len(data)-9] }, "layer 2 of 2", ""},
		"longer layer":           {layerFile(1), func(data []byte) []byte { return append(data, 0) }, "layer 2 of 2", "more than"},
		"no configuration":       {configFile, nil, "", "lacks its file"},
		"other configuration":    {configFile, flip, "configuration", "its digest is"},
		"other manifest":         {manifestFile, flip, "manifest", "its digest is"},
		"index that is no JSON":  {"index.json", func([]byte) []byte { return []byte("<html>") }, "index.json", "no JSON"},
		"index of a great size":  {"index.json", func(data []byte) []byte { return append(data, make([]byte, 5<<20)...) }, "", "usual"},
		"index with a long path": {"index.json", func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("sha256:"), []byte("sha256:../../")) }, "index.json", "no JSON"},
		"layout of the future":   {"oci-layout", func([]byte) []byte { return []byte(`{"imageLayoutVersion":"2.0.0"}`) }, "oci-layout", "2.0.0"},
	} {
		t.Run(name, func(t *testing.T) {
			directory := asLayout(t, im)
			at := filepath.Join(directory, c.file)
			if c.change == nil {
				mustDo(t, os.Remove(at))
			} else {
				mustDo(t, os.WriteFile(at, c.change(imagetest.ReadFile(t, at)), 0o600))
			}
			open := map[string]func() (*oci.Image, error){
				"directory": func() (*oci.Image, error) { return oci.FromDirectory(t.Context(), request, directory) },
				"archive":   func() (*oci.Image, error) { return fromFile(t, request, packed(t, directory)) },
			}
			for form, open := range open {
				im, err := open()
				if err == nil {
					_, err = listed(t, im)
					err = errors.Join(err, im.Close())
				}
				refused := imagetest.WantError[*archive.RefusedError](t, err)
				if refused.Layer != c.layer || !strings.Contains(refused.Reason, c.says) {
					t.Errorf("%s: it says %v", form, err)
				}
				imagetest.WantBlamed(t, err, "path")
			}
		})
	}
}

func TestDamagedDockerArchives(t *testing.T) {
	im := shop(t, "amd64")
	whole := asDockerArchive(t, map[string]v1.Image{"shop:1": im})
	for name, c := range map[string]struct {
		change func(name string, e *Entry) bool // whether to keep the entry
		says   string
	}{
		"no layers": {func(name string, _ *Entry) bool { return !strings.HasSuffix(name, ".tar.gz") }, "lacks its file"},
		"empty layers": {func(name string, e *Entry) bool {
			if strings.HasSuffix(name, ".tar.gz") {
				*e = File(name, string(Tar(t)))
			}
			return true
		}, "its configuration says"},
		"other config": {func(name string, e *Entry) bool {
			if strings.HasPrefix(name, "sha256:") {
				*e = File(name, e.Content+" ")
			}
			return true
		}, ""},
		"no config": {func(name string, _ *Entry) bool { return !strings.HasPrefix(name, "sha256:") }, "lacks its file"},
		"layer in circles": {func(name string, e *Entry) bool {
			if strings.HasSuffix(name, ".tar.gz") {
				*e = Symlink(name, name)
			}
			return true
		}, "too many links"},
	} {
		t.Run(name, func(t *testing.T) {
			var kept []Entry
			for in := tar.NewReader(bytes.NewReader(whole)); ; {
				h, err := in.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				mustDo(t, err)
				e := File(h.Name, string(must.Get[[]byte](t)(io.ReadAll(in))))
				if c.change(h.Name, &e) {
					kept = append(kept, e)
				}
			}
			im, err := fromFile(t, request, Tar(t, kept...))
			if err == nil {
				_, err = listed(t, im)
				err = errors.Join(err, im.Close())
			}
			if c.says == "" { // the image has another ID
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %v", err)
			}
			imagetest.WantBlamed(t, err, "path")
		})
	}
}

func TestStreamsAreVerified(t *testing.T) {
	content := Tar(t, File("a", strings.Repeat("content ", 1000)))
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		stream transfer.Stream
		want   string
		max    int64
		check  func(error) bool
	}{
		"cut":                             {transfer.Stream{Reader: bytes.NewReader(content), Size: int64(len(content)) + 1}, "", 0, isA[*image.SourceError]},
		"fails":                           {transfer.Stream{Reader: io.MultiReader(bytes.NewReader(content), failing{gone}), Size: -1}, "", 0, func(err error) bool { return errors.Is(err, gone) }},
		"fails in its head":               {transfer.Stream{Reader: failing{gone}, Size: -1}, "", 0, func(err error) bool { return errors.Is(err, gone) }},
		"end not told":                    {transfer.Stream{Reader: bytes.NewReader(content), Size: -1, Untold: func() error { return gone }}, "", 0, func(err error) bool { return errors.Is(err, gone) }},
		"found unusable":                  {transfer.Stream{Reader: bytes.NewReader(content), Size: -1, Done: func(context.Context) error { return gone }}, "", 0, func(err error) bool { return errors.Is(err, gone) }},
		"other checksum":                  {transfer.Stream{Reader: bytes.NewReader(content), Size: -1}, imagetest.SHA256(nil), 0, isA[*image.ChecksumError]},
		"too long":                        {transfer.Stream{Reader: bytes.NewReader(content), Size: -1}, "", 5000, isA[*archive.RefusedError]},
		"too long, packed":                {transfer.Stream{Reader: bytes.NewReader(imagetest.Packed(t, "xz", content)), Size: -1}, "", 5000, isA[*archive.RefusedError]},
		"end not told, but gzip shows it": {transfer.Stream{Reader: bytes.NewReader(imagetest.Packed(t, "gzip", content)), Size: -1, Untold: func() error { return gone }}, "", 0, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			r := request
			r.MaxBytes = c.max
			if c.want != "" {
				r.Want = must.Get[image.Checksum](t)(image.ParseChecksum(c.want))
			}
			ended := 0
			c.stream.Abort = func(error) { ended++ }
			im, err := oci.FromStream(t.Context(), r, c.stream)
			if !c.check(err) {
				t.Errorf("the error is %v", err)
			}
			if err == nil {
				mustDo(t, im.Close(), im.Close())
			}
			if left := must.Get[[]os.DirEntry](t)(os.ReadDir(os.TempDir())); len(left) > 0 || ended != 1 {
				t.Errorf("%v is left, and it was ended %d times", left, ended)
			}
		})
	}
}

func isA[E error](err error) bool { _, is := errors.AsType[E](err); return is }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestConfigurations(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	im := shop(t, "amd64", func(f *v1.ConfigFile) {
		f.Created = v1.Time{Time: created}
		f.Config = v1.Config{
			Entrypoint: []string{"/shop"}, Cmd: []string{"--port", "80"}, Env: []string{"PATH=/bin", "EMPTY=", "A=1=2", "PATH=/usr/bin"},
			WorkingDir: "/srv", User: "app:staff", StopSignal: "SIGRTMIN+3",
			ExposedPorts: map[string]struct{}{"80/tcp": {}, "53/UDP": {}, "80": {}, "8080/tcp": {}},
			Volumes:      map[string]struct{}{"/var/lib/shop": {}, "/data": {}},
			Labels:       map[string]string{"a": "b"},
			Healthcheck: &v1.HealthConfig{Test: []string{"CMD-SHELL", "true"}, Interval: time.Second, Timeout: 2 * time.Second,
				StartPeriod: 3 * time.Second, Retries: 4},
		}
	})
	opened, err := fromFile(t, request, asDockerArchive(t, map[string]v1.Image{"shop:1": im}))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	want := oci.Config{
		Architecture: "amd64", Created: created, Entrypoint: []string{"/shop"}, Command: []string{"--port", "80"},
		Env:        map[string]string{"PATH": "/usr/bin", "EMPTY": "", "A": "1=2"},
		WorkingDir: "/srv", User: "app:staff", StopSignal: "SIGRTMIN+3",
		ExposedPorts: []oci.Port{{Number: 53, Protocol: "udp"}, {Number: 80, Protocol: "tcp"}, {Number: 8080, Protocol: "tcp"}},
		Volumes:      []string{"/data", "/var/lib/shop"}, Labels: map[string]string{"a": "b"},
		HealthCheck: &oci.HealthCheck{Command: []string{"CMD-SHELL", "true"}, Interval: time.Second, Timeout: 2 * time.Second,
			StartPeriod: 3 * time.Second, Retries: 4},
	}
	got, wanted := must.Get[[]byte](t)(json.Marshal(opened.Config)), must.Get[[]byte](t)(json.Marshal(want))
	if !bytes.Equal(got, wanted) {
		t.Errorf("got  %s\nwant %s", got, wanted)
	}

	for says, change := range map[string]func(c *v1.Config){
		"not NAME=VALUE":                  func(c *v1.Config) { c.Env = []string{"PATH"} },
		"which is not a port":             func(c *v1.Config) { c.ExposedPorts = map[string]struct{}{"70000/tcp": {}} },
		`is not a port such as 80/tcp`:    func(c *v1.Config) { c.ExposedPorts = map[string]struct{}{"80/icmp": {}} },
		"the command of its health check": func(c *v1.Config) { c.Healthcheck = &v1.HealthConfig{Test: []string{"true"}} },
		"below zero":                      func(c *v1.Config) { c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "x"}, Retries: -1} },
		"stop signal":                     func(c *v1.Config) { c.StopSignal = "kill it" },
		`"srv" is not an absolute path`:   func(c *v1.Config) { c.WorkingDir = "srv" },
		"which has a NUL":                 func(c *v1.Config) { c.Cmd = []string{"a\x00b"} },
	} {
		_, err := oci.FromDirectory(t.Context(), request, asLayout(t, shop(t, "amd64", func(f *v1.ConfigFile) { change(&f.Config) })))
		if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(refused.Reason, says) {
			t.Errorf("it does not say %q: %v", says, err)
		}
	}
}

func mustDo(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
