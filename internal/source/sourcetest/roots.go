package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// RunRoots runs the suite for a kind whose sources can have root file systems of containers. open
// creates a site for each of its tests.
func RunRoots(t *testing.T, open func(t *testing.T) Site) {
	run(t, open, map[string]func(*testing.T, Site){
		"Described": rootDescribed,
		"Opened":    rootsOpened,
		"Refused":   rootsRefused,
		"Cancelled": rootCancelled,
		"Gone":      func(t *testing.T, s Site) { rootUnopened(t, s, Gone) },
		"Denied":    func(t *testing.T, s Site) { rootUnopened(t, s, Denied) },
		"Watched":   rootWatched,
	})
}

// root is the site's source of a root file system.
func (s Site) root(checksum string) source.RootSource {
	return source.ForRoot(s.source(checksum), oci.LinuxAMD64)
}

func rootDescribed(t *testing.T, s Site) {
	plain, one := s.source(""), s.root("")
	if err := one.Validate(); err != nil {
		t.Fatal(err)
	}
	if one.String() != plain.String() || one.Attribute() != plain.Attribute() {
		t.Errorf("it is called %s, %s, and %s, %s as a disk", one, one.Attribute(), plain, plain.Attribute())
	}
	if !one.Same(s.root("")) || one.Same(s.root(imagetest.SHA256(nil))) || one.Same(other{}) {
		t.Error("it is not the same as itself alone")
	}
	if err := s.root("sha256:short").Validate(); err == nil {
		t.Error("an invalid checksum is valid")
	}
}

// rootFS is the archive of a root file system, which no test writes to.
func rootFS(t *testing.T, more ...ocitest.Entry) []byte {
	t.Helper()
	return ocitest.Tar(t, append([]ocitest.Entry{ocitest.Dir("etc"), ocitest.File("etc/passwd", "root:x:0:0:::\n"),
		ocitest.File("large", string(long()[:1<<20]))}, more...)...)
}

func rootsOpened(t *testing.T, s Site) {
	im := ocitest.Shop(t, "amd64")
	config, err := im.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	root := rootFS(t)
	for name, c := range map[string]struct {
		content  []byte
		identity string
	}{
		"layout":      {ocitest.Packed(t, ocitest.Layout(t, im)), "config:" + config.String()},
		"docker":      {ocitest.DockerArchive(t, map[string]v1.Image{"shop:1": im}), "config:" + config.String()},
		"root":        {root, "root:" + imagetest.SHA256(root)},
		"packed root": {zipped(t, root), "root:" + imagetest.SHA256(root)},
		"ext4":        {ext4Disk(), imagetest.Digest(ext4Disk())},
		"packed ext4": {zipped(t, ext4Disk()), imagetest.Digest(ext4Disk())},
	} {
		s.Put(t, c.content)
		for _, checksum := range []string{"", imagetest.SHA256(c.content), imagetest.SHA512(c.content)} {
			if found, err := source.Examine(t.Context(), s.root(checksum)); err != nil || found.Wait != nil {
				t.Errorf("%s: examined as %+v, %v", name, found, err)
			}
			opened, err := s.root(checksum).OpenRoot(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := opened.Identity(t.Context(), digest.Current); err != nil || got != c.identity {
				t.Errorf("%s: its identity is %s, %v, want %s", name, got, err, c.identity)
			}
			if err := errors.Join(opened.Close(), opened.Close()); err != nil {
				t.Errorf("%s: closing it: %v", name, err)
			}
		}
	}
}

// ext4Disk is what is taken for an ext4 file system.
func ext4Disk() []byte {
	disk := make([]byte, 1<<20)
	copy(disk[1080:], "\x53\xef")
	return disk
}

func rootsRefused(t *testing.T, s Site) {
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"qcow2":    {imagetest.Qcow2(nil), "the template is for containers"},
		"disk":     {long(), "the template is for containers"},
		"a page":   {[]byte("<html>sign in</html>"), "HTML"},
		"nothing":  {nil, "it is empty"},
		"cut gzip": {zipped(t, rootFS(t))[:50], "cut off"},
	} {
		s.Put(t, c.content)
		for what, err := range map[string]error{"opened": s.openError(t), "examined": s.examineError(t)} {
			if err == nil && what == "examined" {
				if _, probed := s.root("").(source.Probed); !probed {
					continue
				}
			}
			refused := imagetest.WantError[*archive.RefusedError](t, err)
			if !strings.Contains(refused.Error(), c.says) {
				t.Errorf("%s, %s: got %v, want %q", name, what, err, c.says)
			}
			s.wantError(t, err, s.Kind.Attribute)
		}
	}
	s.Put(t, ocitest.Packed(t, ocitest.Layout(t, ocitest.Shop(t, "arm64"))))
	err := s.openError(t)
	imagetest.WantError[*oci.PlatformError](t, err)
	s.wantError(t, err, s.Kind.Attribute)
	s.Put(t, rootFS(t))
	_, wrong := s.root(imagetest.SHA256(nil)).OpenRoot(t.Context())
	imagetest.WantError[*image.ChecksumError](t, wrong)
	s.wantError(t, wrong, "checksum")
	_, asDisk := s.source("").Open(t.Context())
	if e := imagetest.WantError[*image.UnsupportedImageError](t, asDisk); !e.Root ||
		!strings.Contains(e.Error(), "the template is for machines") {
		t.Errorf("as a disk, it is refused by %v", asDisk)
	}
}

func (s Site) openError(t *testing.T) error {
	t.Helper()
	opened, err := s.root("").OpenRoot(t.Context())
	if err == nil {
		err = errors.Join(opened.Close())
	}
	return err
}

func (s Site) examineError(t *testing.T) error {
	t.Helper()
	_, err := source.Examine(t.Context(), s.root(""))
	return err
}

func rootCancelled(t *testing.T, s Site) {
	s.Put(t, rootFS(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	opened, err := s.root("").OpenRoot(ctx)
	if err == nil { // it is read later
		_, err = opened.Identity(ctx, digest.Current)
		err = errors.Join(err, opened.Close())
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func rootUnopened(t *testing.T, s Site, name string) {
	f, can := s.fault(t, name)
	if !can {
		return
	}
	s.Put(t, rootFS(t))
	f.Happen(t)
	s.wantFault(t, f, s.openError(t))
	if _, is := s.root("").(source.Probed); is {
		s.wantFault(t, f, s.examineError(t))
	}
}

// rootWatched looks at a source repeatedly: an archive that was compressed in another way is the same.
func rootWatched(t *testing.T, s Site) {
	one, is := s.root("").(source.Watched)
	if !is {
		return
	}
	look := func(before []byte) (string, []byte) {
		t.Helper()
		seen, err := one.Look(t.Context(), before, digest.Current)
		if err != nil {
			t.Fatal(err)
		}
		note, err := json.Marshal(seen)
		if err != nil {
			t.Fatal(err)
		}
		return seen.Digest(), note
	}
	root := rootFS(t)
	identity := "root:" + imagetest.SHA256(root)
	s.Put(t, root)
	unread, err := one.Stamp(t.Context())
	if err != nil || unread.Digest() != "" {
		t.Fatalf("a glance gives %q, %v", unread.Digest(), err)
	}
	first, note := look(nil)
	believed, err := json.Marshal(unread.WithDigest("root:believed"))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := look(believed); first != identity || again != "root:believed" {
		t.Errorf("it is %s, want %s, and then %s", first, identity, again)
	}
	s.Put(t, zipped(t, root))
	if packed, _ := look(note); packed != identity {
		t.Errorf("once it is compressed, it is %s, want %s", packed, identity)
	}
	if seen, err := one.Read(t.Context(), digest.Current); err != nil || seen.Digest() != identity {
		t.Errorf("it is read as %s, %v", seen.Digest(), err)
	}
	s.Put(t, rootFS(t, ocitest.File("more", "x")))
	if changed, _ := look(note); changed == identity {
		t.Error("another archive is taken for the first")
	}
	s.Put(t, []byte("no image"))
	_, none := one.Look(t.Context(), note, digest.Current)
	s.wantError(t, none, s.Kind.Attribute)
	if !source.IsNoRoot(none) {
		t.Errorf("looking at what is no image gives %v", none)
	}
	_, unusable := one.Read(t.Context(), digest.Current)
	s.wantError(t, unusable, s.Kind.Attribute)
	if f, can := s.fault(t, Gone); can {
		f.Happen(t)
		_, err := one.Look(t.Context(), note, digest.Current)
		if !errors.Is(err, fs.ErrNotExist) || source.IsNoRoot(err) {
			t.Errorf("once it is gone, looking at it gives %v", err)
		}
	}
}
