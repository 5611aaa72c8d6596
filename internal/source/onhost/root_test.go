package onhost_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// TestARootIsReadFromItsVolumeAgain reads a root file system twice where there can be no temporary
// file. It is an error if a guest runs by the end of a reading that may have written to the volume.
func TestARootIsReadFromItsVolumeAgain(t *testing.T) {
	g := inMemory(t)
	root := ocitest.Tar(t, ocitest.Dir("etc"), ocitest.File("etc/passwd", "root:x:0:0:::\n"))
	g.put(t, g.volume, root)
	g.define(t, "raw")
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	t.Setenv("TMP", filepath.Join(t.TempDir(), "missing"))
	site := g.volumes()
	from := source.ForRoot(g.bind(site.Kind.New(site.Settings)), oci.LinuxAMD64)
	opened := must.Get[source.Root](t)(from.OpenRoot(t.Context()))
	for range 2 {
		id, err := opened.Identity(t.Context(), digest.Current)
		if err != nil || id != "root:"+imagetest.SHA256(root) {
			t.Errorf("it is %s, %v", id, err)
		}
		if _, err := opened.Image.Index(t.Context(), oci.Options{}); err != nil {
			t.Error(err)
		}
	}
	g.starts(t)
	_, err := opened.Image.Index(t.Context(), oci.Options{})
	if err == nil || !strings.Contains(err.Error(), "it is in use by running machines") {
		t.Errorf("once a guest runs, it is read: %v", err)
	}
	imagetest.WantBlamed(t, err, "volume")
	if err := errors.Join(opened.Close(), g.DestroyDomain(t.Context(), g.uuid)); err != nil {
		t.Error(err)
	}
}
