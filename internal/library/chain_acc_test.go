package library

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	sourceweb "github.com/novacron/terraform-provider-novacron/internal/source/web"
)

// changed copies a disk and changes some blocks of the copy.
func changed(t *testing.T, disk string, blocks ...int64) string {
	t.Helper()
	data, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		_, _ = rand.Read(data[block*blockmap.BlockSize : (block+1)*blockmap.BlockSize])
	}
	copied := filepath.Join(t.TempDir(), "changed.img")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// registerOn registers a version whose image is compared with that of another version.
func registerOn(t *testing.T, l *Library, parent, version string, from source.Source) (catalog.Version, error) {
	t.Helper()
	return l.RegisterVersion(t.Context(), VersionRequest{ID: ubuntu.Version(version), Source: from, Parent: parent})
}

// wantDisk checks that the host reads from a version the content of a raw file.
func (s site) wantDisk(t *testing.T, l *Library, v catalog.Version, disk string) {
	t.Helper()
	location := must.Get[string](t)(l.Images.Location(t.Context(), v))
	s.Exec(t, "qemu-img", "check", "-q", location)
	read := path.Join(path.Dir(location), "read.img")
	s.Exec(t, "qemu-img", "convert", "-O", "raw", location, read)
	defer os.Remove(s.HostPath(read))
	if got, want := digestOf(t, s.HostPath(read)), digestOf(t, disk); got != want {
		t.Errorf("the disk of %s is %s, and of its source %s", v.ID, got, want)
	}
}

// chain counts the images below that of a version, as QEMU finds them.
func (s site) chain(t *testing.T, l *Library, v catalog.Version) int {
	t.Helper()
	return strings.Count(s.Exec(t, "qemu-img", "info", "--backing-chain",
		must.Get[string](t)(l.Images.Location(t.Context(), v))), "\nbacking file: ")
}

// TestAccOnlyWhatChangedIsSent registers version after version, in chains of bounded length.
func TestAccOnlyWhatChangedIsSent(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	const block = blockmap.BlockSize
	disk := rawImage(t, 16<<20, 4<<20)
	last := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: disk}))
	if last.Transferred < 4<<20 {
		t.Errorf("the first version: %d bytes sent", last.Transferred)
	}
	depths := []int{}
	for n := int64(1); n <= imagestore.MaxDepth+2; n++ {
		disk = changed(t, disk, n, 64+n)
		v := must.Get[catalog.Version](t)(registerOn(t, s.library(t), last.ID.Version, fmt.Sprintf("1.%d.0", n),
			file.Source{Path: disk}))
		// The header, one L2 table, the L1 table, and two clusters for reference counts come on
		// top. An image that stands on the first version again also has what changed in between.
		clusters := int64(2)
		if n > imagestore.MaxDepth {
			clusters = 2 * n
			if n > imagestore.MaxDepth+1 {
				clusters = 2
			}
		}
		if want := (clusters + 5) * block; v.Transferred != want || v.StoredSize != want {
			t.Errorf("%s: %d bytes sent, %d stored, want %d", v.ID, v.Transferred, v.StoredSize, want)
		}
		if v.Digest != digestOf(t, disk) || v.Format != "qcow2" || v.VirtualSize != 16<<20 ||
			v.Parent != last.ID.Version {
			t.Errorf("%s is %+v", v.ID, v)
		}
		s.wantDisk(t, l, v, disk)
		depths = append(depths, s.chain(t, l, v))
		last = v
	}
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 1, 2}; !slices.Equal(depths, want) {
		t.Errorf("the images stand on %v others, want %v", depths, want)
	}
	if err := l.VerifyVersion(t.Context(), last.ID); err != nil {
		t.Error(err)
	}

	before := s.files(t)
	var inUse *imagestore.InUseError
	err := l.RemoveVersion(t.Context(), ubuntu.Version("1.0.0"))
	if !errors.As(err, &inUse) || !slices.Equal(inUse.Built, []string{"default/ubuntu@1.1.0", "default/ubuntu@1.9.0"}) {
		t.Errorf("removing what others stand on: %v, want their names", err)
	}
	if after := s.files(t); len(after) != len(before) {
		t.Errorf("in the pool: %q, want as before %q", after, before)
	}
	// The same image again, from another user and with another parent: it is already there.
	twin := must.Get[catalog.Version](t)(registerOn(t, l, "1.3.0", "2.0.0", file.Source{Path: disk}))
	if twin.Transferred != 0 || twin.Digest != last.Digest {
		t.Errorf("the same image again: %d bytes sent", twin.Transferred)
	}
	if err := l.RemoveVersion(t.Context(), last.ID); err != nil {
		t.Error(err)
	}
	s.wantDisk(t, l, twin, disk)
}

// TestAccAChainGoesWithItsLastVersion: the images below it go too, in any order of removal.
func TestAccAChainGoesWithItsLastVersion(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	before := s.images(t)
	first := rawImage(t, 4<<20, 1<<20)
	one := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: first}))
	two := must.Get[catalog.Version](t)(registerOn(t, l, "1.0.0", "1.1.0", file.Source{Path: changed(t, first, 3)}))
	// As when the version is removed while another one is being compared with it: the image stays
	// for that one.
	if err := l.Images.Release(t.Context(), one.Digest, one.ID); err != nil {
		t.Fatal(err)
	}
	if base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), one.Digest)); len(base.Versions) != 0 ||
		len(base.Children) != 1 {
		t.Errorf("the image that another one stands on is %+v", base)
	}
	if err := l.VerifyVersion(t.Context(), two.ID); err != nil {
		t.Error(err)
	}
	for _, v := range []catalog.Version{two, one} {
		if err := l.RemoveVersion(t.Context(), v.ID); err != nil {
			t.Error(err)
		}
	}
	if left := s.files(t); len(s.images(t)) != len(before) || slices.ContainsFunc(left, func(name string) bool {
		return strings.HasSuffix(name, ".map")
	}) {
		t.Errorf("in the pool: %q", left)
	}
}

// TestAccAParentOfAnyKindIsComparedWith: a parent without a map, because its blocks were not mapped
// during the upload or because it predates maps, is read once.
func TestAccAParentOfAnyKindIsComparedWith(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	dir := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	raw := rawImage(t, 4<<20, 2<<20)
	qcow2 := func(raw, name string) source.Source {
		if out, err := exec.CommandContext(
			t.Context(), "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, filepath.Join(dir, name),
		).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return sourceweb.Source{URL: server.URL + "/" + name}
	}
	parent := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", qcow2(raw, "parent")))
	after := changed(t, raw, 5)
	v := must.Get[catalog.Version](t)(registerOn(t, l, "1.0.0", "1.1.0", qcow2(after, "after")))
	if want := int64((1 + 5) * blockmap.BlockSize); v.Transferred != want {
		t.Errorf("%d bytes sent, want %d", v.Transferred, want)
	}
	s.wantDisk(t, l, v, after)

	base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), parent.Digest))
	if err := os.WriteFile(filepath.Join(s.dir, naming.BlockMap(base.Volume)), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := changed(t, raw, 6)
	s.wantDisk(t, l, must.Get[catalog.Version](t)(registerOn(t, l, "1.0.0", "1.2.0", file.Source{Path: again})), again)

	base = must.Get[catalog.Base](t)(l.Images.Base(t.Context(), v.Digest))
	if err := os.Remove(filepath.Join(s.dir, naming.BlockMap(base.Volume))); err != nil {
		t.Fatal(err)
	}
	if err := s.conn(t).RefreshPool(t.Context(), s.pool); err != nil {
		t.Fatal(err)
	}
	files := s.files(t)
	if _, err := registerOn(t, l, "1.1.0", "1.3.0", file.Source{Path: changed(t, after, 7)}); err == nil ||
		!strings.Contains(err.Error(), "leave parent_version out") {
		t.Errorf("on an image whose map is lost: %v, want what to do", err)
	}
	if left := s.files(t); len(left) != len(files) {
		t.Errorf("in the pool: %q, want as before %q", left, files)
	}

	base = must.Get[catalog.Base](t)(l.Images.Base(t.Context(), parent.Digest))
	for _, volume := range []string{base.Volume, naming.BlockMap(base.Volume)} {
		if err := os.WriteFile(filepath.Join(s.dir, volume), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var findings finding.List
	if _, err := registerOn(t, l, "1.0.0", "1.3.0", file.Source{Path: again}); !errors.As(err, &findings) ||
		findings[0].Path.String() != "parent_version" {
		t.Errorf("on an image that is damaged: %v, want a finding", err)
	}
}

// TestAccManyProcessesSendOneChangeOnce.
func TestAccManyProcessesSendOneChangeOnce(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	raw := rawImage(t, 4<<20, 2<<20)
	must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: raw}))
	same := changed(t, raw, 5)
	var all sync.WaitGroup
	for n := range 6 {
		source, process := file.Source{Path: same}, s.library(t)
		if n%2 == 1 {
			source.Path = changed(t, raw, int64(n))
		}
		all.Go(func() {
			if _, err := registerOn(t, process, "1.0.0", fmt.Sprintf("1.%d.0", n+1), source); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if images := s.images(t); len(images) != 5 { // the first, the identical one, and three others
		t.Errorf("in the pool: %q, want five images", images)
	}
	for _, v := range must.Get[[]catalog.Version](t)(l.Versions(t.Context(), ubuntu)) {
		if err := l.VerifyVersion(t.Context(), v.ID); err != nil {
			t.Error(err)
		}
	}
}
