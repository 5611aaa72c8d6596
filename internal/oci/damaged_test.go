package oci_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

func TestDamagedImagesAreRefused(t *testing.T) {
	im := Shop(t, "amd64")
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
		"no layer":    {layerFile(0), nil, "", "lacks its file"},
		"other layer": {layerFile(1), flip, "layer 2 of 2", ""},
		"cut layer": {
			layerFile(1),
			func(data []byte) []byte { return data[:len(data)-9] },
			"layer 2 of 2",
			"",
		},
		"longer layer": {
			layerFile(1),
			func(data []byte) []byte { return append(data, 0) },
			"layer 2 of 2",
			"more than",
		},
		"no configuration":    {configFile, nil, "", "lacks its file"},
		"other configuration": {configFile, flip, "configuration", "its digest is"},
		"other manifest":      {manifestFile, flip, "manifest", "its digest is"},
		"index that is no JSON": {
			"index.json",
			func([]byte) []byte { return []byte("<html>") },
			"index.json",
			"no JSON",
		},
		"index of a great size": {
			"index.json",
			func(data []byte) []byte { return append(data, make([]byte, 5<<20)...) },
			"",
			"usual",
		},
		"index with a long path": {
			"index.json",
			func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("sha256:"), []byte("sha256:../../")) },
			"index.json",
			"no JSON",
		},
		"layout of the future": {
			"oci-layout",
			func([]byte) []byte { return []byte(`{"imageLayoutVersion":"2.0.0"}`) },
			"oci-layout",
			"2.0.0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			directory := Layout(t, im)
			at := filepath.Join(directory, c.file)
			if c.change == nil {
				mustDo(t, os.Remove(at))
			} else {
				mustDo(t, os.WriteFile(at, c.change(imagetest.ReadFile(t, at)), 0o600))
			}
			open := map[string]func() (*oci.Image, error){
				"directory": func() (*oci.Image, error) { return oci.FromDirectory(t.Context(), request, directory) },
				"archive":   func() (*oci.Image, error) { return fromFile(t, request, Packed(t, directory)) },
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
	im := Shop(t, "amd64")
	whole := DockerArchive(t, map[string]v1.Image{"shop:1": im})
	for name, c := range map[string]struct {
		change func(name string, e *Entry) bool // whether to keep the entry
		says   string
	}{
		"no layers": {
			func(name string, _ *Entry) bool { return !strings.HasSuffix(name, ".tar.gz") },
			"lacks its file",
		},
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
		}, "and its name says"},
		"no config": {
			func(name string, _ *Entry) bool { return !strings.HasPrefix(name, "sha256:") },
			"lacks its file",
		},
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
		"cut": {
			transfer.Stream{Reader: bytes.NewReader(content), Size: int64(len(content)) + 1},
			"",
			0,
			isA[*image.SourceError],
		},
		"fails": {
			transfer.Stream{Reader: io.MultiReader(bytes.NewReader(content), failing{gone}), Size: -1},
			"",
			0,
			func(err error) bool { return errors.Is(err, gone) },
		},
		"fails in its head": {
			transfer.Stream{Reader: failing{gone}, Size: -1},
			"",
			0,
			func(err error) bool { return errors.Is(err, gone) },
		},
		"end not told": {
			transfer.Stream{Reader: bytes.NewReader(content), Size: -1, Untold: func() error { return gone }},
			"",
			0,
			func(err error) bool { return errors.Is(err, gone) },
		},
		"found unusable": {
			transfer.Stream{
				Reader: bytes.NewReader(content),
				Size:   -1,
				Done:   func(context.Context) error { return gone },
			},
			"",
			0,
			func(err error) bool { return errors.Is(err, gone) },
		},
		"other checksum": {
			transfer.Stream{Reader: bytes.NewReader(content), Size: -1},
			imagetest.SHA256(nil),
			0,
			isA[*image.ChecksumError],
		},
		"too long": {
			transfer.Stream{Reader: bytes.NewReader(content), Size: -1},
			"",
			5000,
			isA[*archive.RefusedError],
		},
		"too long, packed": {
			transfer.Stream{Reader: bytes.NewReader(imagetest.Packed(t, "xz", content)), Size: -1},
			"",
			5000,
			isA[*archive.RefusedError],
		},
		"end not told, but gzip shows it": {
			transfer.Stream{
				Reader: bytes.NewReader(imagetest.Packed(t, "gzip", content)),
				Size:   -1,
				Untold: func() error { return gone },
			},
			"",
			0,
			func(err error) bool { return err == nil },
		},
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

func TestACheckedFileIsTheOneThatWasAskedFor(t *testing.T) {
	for name, content := range map[string][]byte{
		"plain":  Tar(t, File("a", "content")),
		"packed": imagetest.Packed(t, "gzip", Tar(t, File("a", "content"))),
	} {
		t.Run(name, func(t *testing.T) {
			r := request
			r.Want = must.Get[image.Checksum](t)(image.ParseChecksum(imagetest.SHA256([]byte("another"))))
			_, err := fromFile(t, r, content)
			imagetest.WantError[*image.ChecksumError](t, err)
			imagetest.WantBlamed(t, err, "checksum")
		})
	}
}

// An index may say anything about its images.
func TestThePlatformIsThatOfTheConfiguration(t *testing.T) {
	directory := t.TempDir()
	l := must.Get[layout.Path](t)(layout.Write(directory, empty.Index))
	mustDo(t, l.AppendImage(Shop(t, "arm64"), layout.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"})))
	_, err := oci.FromDirectory(t.Context(), request, directory)
	if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(refused.Reason, "linux/arm64") {
		t.Errorf("it says %v", err)
	}
}

// A root file system that is not compressed is read from its file twice.
func TestAFileThatChangesIsNoticed(t *testing.T) {
	at := imagetest.WriteFile(t, Tar(t, File("a", "content")))
	im := must.Get[*oci.Image](t)(
		oci.FromFile(t.Context(), request, must.Get[*localfile.File](t)(localfile.Open(request.Origin, at))))
	defer im.Close()
	tree := must.Get[*flatten.Tree](t)(im.Index(t.Context(), oci.Options{}))
	mustDo(t, os.WriteFile(at, Tar(t, File("a", "another")), 0o600))
	if _, err := tree.WriteTar(t.Context(), io.Discard); !errors.Is(err, image.ErrChanged) {
		t.Errorf("the error is %v", err)
	}
}
