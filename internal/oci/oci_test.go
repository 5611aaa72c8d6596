package oci_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

func TestImagesAreFoundInAllForms(t *testing.T) {
	im := Shop(t, "amd64")
	id := "config:" + must.Get[v1.Hash](t)(im.ConfigName()).String()
	directory := Layout(t, Shop(t, "arm64"), im)
	docker := DockerArchive(t, map[string]v1.Image{"shop:1": im, "shop:latest": im, "other:1": Shop(t, "arm64")})
	root := Tar(t, Dir("./"), Dir("etc"), File("etc/passwd", ""), File("etc/group", ""), File("shop", ""),
		File("etc/made-for", "amd64"), File("manifest.json", `{"files": []}`))

	open := map[string]func(t *testing.T) (*oci.Image, error){
		"directory": func(t *testing.T) (*oci.Image, error) {
			return oci.FromDirectory(t.Context(), request, directory)
		},
	}
	forms := map[string][]byte{"layout": Packed(t, directory), "docker": docker, "root": root}
	for form, content := range forms {
		open[form] = func(t *testing.T) (*oci.Image, error) { return fromFile(t, request, content) }
		open[form+" with a checksum"] = func(t *testing.T) (*oci.Image, error) {
			r := request
			r.Want = must.Get[image.Checksum](t)(image.ParseChecksum(imagetest.SHA512(content)))
			return fromFile(t, r, content)
		}
		open[form+" in a stream"] = func(t *testing.T) (*oci.Image, error) {
			return oci.FromStream(
				t.Context(),
				request,
				transfer.Stream{Reader: bytes.NewReader(content), Size: int64(len(content))},
			)
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
			want, kind, identity := shopFiles, oci.Layout, id
			switch {
			case strings.HasPrefix(form, "docker"):
				kind = oci.DockerArchive
			case strings.HasPrefix(form, "root"):
				kind, identity = oci.RootArchive, "root:"+imagetest.SHA256(root)
				want = append(slices.Clone(shopFiles), "manifest.json")
			}
			if err != nil || !slices.Equal(got, want) || im.Kind != kind || im.Identity().String() != identity {
				t.Errorf(
					"got %s %s with %q, %v; want %s %s with %q",
					im.Kind,
					im.Identity(),
					got,
					err,
					kind,
					identity,
					want,
				)
			}
			if back, err := oci.ParseIdentity(identity); err != nil || back != im.Identity() {
				t.Errorf("the identity is read as %v, %v", back, err)
			}
			if kind != oci.RootArchive && (im.Config.Architecture != "amd64" || im.Layers() != 2) {
				t.Errorf("its configuration is %+v, and it has %d layers", im.Config, im.Layers())
			}
		})
	}
	if _, err := oci.ParseIdentity("manifest:" + imagetest.SHA256(root)); err == nil {
		t.Error("another identity was accepted")
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	root := Tar(t, File("a", strings.Repeat("content ", 100)))
	ext4 := make([]byte, 1<<20)
	copy(ext4[1080:], "\x53\xef")
	dirty := bytes.Clone(ext4)
	dirty[1024+0x60] = 0x46 // with INCOMPAT_RECOVER
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":          {nil, "it is empty"},
		"nothing packed": {imagetest.Packed(t, "gzip", nil), "inside it is empty"},
		"HTML":           {[]byte("<html><body>Please log in</body></html>"), "HTML"},
		"packed HTML": {
			imagetest.Packed(t, "xz", []byte("<html><body>Please log in</body></html>")),
			"inside it is an HTML page",
		},
		"disk":  {imagetest.RawDisk(1 << 20), "it is a raw disk of a machine, and the template is for containers"},
		"qcow2": {imagetest.Qcow2(nil), "it is a qcow2 disk of a machine"},
		"zip":   {append([]byte("PK\x03\x04"), make([]byte, 1000)...), "zip"},
		"zeros": {make([]byte, 1<<20), "neither a tar archive"},
		"ext4":  {ext4, "ext4"},
		"used":  {dirty, "its journal has changes"},
		"compressed twice": {
			imagetest.Packed(t, "gzip", imagetest.Packed(t, "xz", root)),
			"inside it is compressed with xz",
		},
		"cut gzip": {imagetest.Packed(t, "gzip", root)[:60], "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fromFile(t, request, c.content)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if refused := imagetest.WantError[*archive.RefusedError](t, err); !strings.Contains(
				refused.Reason,
				c.says,
			) {
				t.Errorf("it says %v", err)
			}
			imagetest.WantBlamed(t, err, "path")
		})
	}
	for _, content := range [][]byte{ext4, imagetest.Packed(t, "zstd", ext4)} {
		c, whole, err := oci.Peek(request.Origin, transfer.Stream{Reader: bytes.NewReader(content), Size: -1})
		if again := must.Get[[]byte](t)(
			io.ReadAll(whole.Reader),
		); err != nil || !c.Ext4 || !bytes.Equal(again, content) {
			t.Errorf("it is %+v, and %d bytes of %d are left, %v", c, len(again), len(content), err)
		}
	}
}
