package qcow2

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	format "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

var origin = image.Origin{Name: "image", Attribute: "path"}

func TestLinksAreReadFromAHeader(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for name, c := range map[string]struct {
		options []string
		want    Links
	}{
		"alone": {nil, Links{}},
		"of version 2": {
			[]string{"-o", "compat=0.10", "-b", "/a/base", "-F", "raw"}, Links{Backing: "/a/base", Format: "raw"},
		},
		"overlay": {[]string{"-b", "/a/base.qcow2", "-F", "qcow2"}, Links{Backing: "/a/base.qcow2", Format: "qcow2"}},
		"described": {
			[]string{"-b", `json:{"driver":"raw"}`, "-F", "raw"},
			Links{Backing: `json:{"driver":"raw"}`, Format: "raw"},
		},
		"with data": {[]string{"-o", "data_file=" + data}, Links{Data: true}},
		"large clusters": {
			[]string{"-o", "cluster_size=2M", "-b", "/a/base", "-F", "qcow2"},
			Links{Backing: "/a/base", Format: "qcow2"},
		},
	} {
		path := filepath.Join(t.TempDir(), "image")
		needs.Tool(t, append(append([]string{"qemu-img", "create", "-q", "-u", "-f", "qcow2"}, c.options...), path,
			"16M")...)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		links, err := ReadLinks(origin, bytes.NewReader(content[:min(len(content), 64<<10)]))
		if err != nil || links != c.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, links, err, c.want)
		}
	}
}

func TestLinksOfADamagedHeader(t *testing.T) {
	guessed := imagetest.Qcow2(func(v2 *format.HeaderFieldsV2, _ *format.HeaderFieldsV3) {
		v2.BackingFileOffset, v2.BackingFileSize = 112, 5
	})
	copy(guessed[112:], "/base")
	if links, err := ReadLinks(origin, bytes.NewReader(guessed)); err != nil || links != (Links{Backing: "/base"}) {
		t.Errorf("a backing file without a format is %+v (%v)", links, err)
	}
	for name, spoil := range map[string]func(*format.HeaderFieldsV2, *format.HeaderFieldsV3){
		"a name of no length": func(v2 *format.HeaderFieldsV2, _ *format.HeaderFieldsV3) { v2.BackingFileOffset = 112 },
		"a name that is long": func(v2 *format.HeaderFieldsV2, _ *format.HeaderFieldsV3) { v2.BackingFileSize = 5000 },
		"a name out of the file": func(v2 *format.HeaderFieldsV2, _ *format.HeaderFieldsV3) {
			v2.BackingFileOffset, v2.BackingFileSize = 1<<20, 8
		},
		"a name out of the world": func(v2 *format.HeaderFieldsV2, _ *format.HeaderFieldsV3) {
			v2.BackingFileOffset, v2.BackingFileSize = 1<<63, 8
		},
	} {
		if links, err := ReadLinks(origin, bytes.NewReader(imagetest.Qcow2(spoil))); err == nil {
			t.Errorf("%s: got %+v", name, links)
		}
	}
}
