package library

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// newSiteAt is a site whose pool is in a directory that is at the same path on this machine and on
// the test host.
func newSiteAt(t *testing.T, dir string) site {
	t.Helper()
	host, pool := acctest.RequireHost(t), "library-"+strings.ToLower(rand.Text()[:8])
	host.Virsh(t, "pool-create-as", pool, "dir", "--target", dir, "--build")
	t.Cleanup(func() {
		if left := host.Leftovers(t, pool, "nova."); len(left) > 0 {
			t.Errorf("left over in pool %s: %q", pool, left)
		}
		host.Virsh(t, "pool-destroy", pool)
	})
	return site{host, pool, dir}
}

// stepsOf lists the steps by which a version was registered.
func stepsOf(v catalog.Version) string {
	var names []string
	for _, step := range v.Registration.Steps {
		names = append(names, step.Name)
	}
	return strings.Join(names, " ")
}

func TestAccAnImageOfTheHostItselfIsCopied(t *testing.T) {
	s := newSiteAt(t, filepath.Join(t.TempDir(), "pool"))
	l := s.library(t)
	s.template(t, l)
	for number, source := range []string{rawImage(t, 64<<20, 3<<20), acctest.TinyImage(t)} {
		v := must.Get[catalog.Version](t)(l.RegisterVersion(t.Context(), VersionRequest{
			ID: ubuntu.Version(fmt.Sprintf("1.%d.0", number)), Source: file.Source{Path: source}, VerifyFull: true,
		}))
		info := must.Get[os.FileInfo](t)(os.Stat(source))
		if v.Digest != digestOf(t, source) || stepsOf(v) != "open copy verify" || v.StoredSize != info.Size() ||
			v.Transferred == 0 || v.Transferred > info.Size() {
			t.Errorf("registered %+v by %s", v, stepsOf(v))
		}
		if number == 0 && v.Transferred > 4<<20 {
			t.Errorf("%d bytes were copied: also holes", v.Transferred)
		}
		base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), v.Digest))
		stored := filepath.Join(s.dir, base.Volume)
		if mode := must.Get[os.FileInfo](t)(os.Stat(stored)).Mode(); digestOf(t, stored) != v.Digest || mode != 0o600 {
			t.Errorf("the pool has %s with mode %s", digestOf(t, stored), mode)
		}
		volume := must.Get[host.Volume](t)(s.conn(t).Volume(t.Context(), s.pool, base.Volume))
		if volume.Format != v.Format || volume.Capacity != uint64(v.VirtualSize) {
			t.Errorf("the host has %+v", volume)
		}
	}
	before, images := s.files(t), s.images(t)
	path := rawImage(t, 8<<20, 8<<20)
	for name, wrong := range map[string]string{
		"SHA-256": "sha256:" + strings.Repeat("ab", 32), "SHA-512": "sha512:" + strings.Repeat("ab", 64),
	} {
		_, err := register(t.Context(), l, "2.0.0", file.Source{Path: path, Checksum: wrong})
		if _, ok := errors.AsType[*image.ChecksumError](err); !ok {
			t.Errorf("with a wrong %s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := l.RegisterVersion(ctx, VersionRequest{
		ID: ubuntu.Version("2.0.0"), Source: file.Source{Path: path}, Progress: func(int64, int64) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if left := s.files(t); len(left) != len(before) || !slices.Equal(s.images(t), images) { // documents have revisions
		t.Errorf("in the pool: %q, want as before %q", left, before)
	}
}

func TestAccProcessesThatCopyOneImageAtOnceEndWithOneBase(t *testing.T) {
	s := newSiteAt(t, filepath.Join(t.TempDir(), "pool"))
	s.template(t, s.library(t))
	source := file.Source{Path: rawImage(t, 24<<20, 16<<20)}
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 4 {
		l := s.library(t)
		group.Go(func() error {
			_, err := register(ctx, l, fmt.Sprintf("1.0.%d", i), source)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	l := s.library(t)
	base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), digestOf(t, source.Path)))
	if images := s.images(t); len(images) != 1 || digestOf(t, filepath.Join(s.dir, images[0])) != base.Digest ||
		len(base.Versions) != 4 {
		t.Errorf("in the pool: %q; the base is %+v", images, base)
	}
}

// TestAccAHostWithTheSamePathsIsSentTheImage: its pool is on another machine, although the path of
// each file also exists on this one.
func TestAccAHostWithTheSamePathsIsSentTheImage(t *testing.T) {
	s := newSiteAt(t, filepath.Join(t.TempDir(), "pool"))
	s.Exec(t, "mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", s.dir)
	t.Cleanup(func() { s.Exec(t, "umount", "--lazy", s.dir) })
	l := s.library(t)
	s.template(t, l)
	path := rawImage(t, 16<<20, 3<<20)
	v := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: path}))
	base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), v.Digest))
	if sum := s.Exec(t, "sha256sum", filepath.Join(s.dir, base.Volume)); stepsOf(v) != "open send verify" ||
		"sha256:"+sum[:64] != sumOf(t, path) {
		t.Errorf("stored %s of %s, by %s", sum, v.Digest, stepsOf(v))
	}
}

// If the pool's file system can, an image shares its blocks with its source: it takes no room, and
// nothing is transferred.
func TestAccAnImageOfThePoolsFileSystemIsShared(t *testing.T) {
	host, top := acctest.RequireHost(t), t.TempDir()
	disk, mounted := filepath.Join(top, "disk"), filepath.Join(top, "mounted")
	needs.Tool(t, "sh", "-c", `truncate -s 400M "$1" && mkfs.xfs -q "$1" && mkdir "$2" && mount -o loop "$1" "$2"`,
		"sh", disk, mounted)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", mounted).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	device := strings.TrimSpace(string(must.Get[[]byte](t)(exec.Command("findmnt", "--noheadings", "--output", "SOURCE",
		mounted).Output())))
	host.Exec(t, "mount", device, mounted)
	t.Cleanup(func() { host.Exec(t, "umount", "--lazy", mounted) })

	s := newSiteAt(t, filepath.Join(mounted, "pool"))
	l := s.library(t)
	s.template(t, l)
	path := filepath.Join(mounted, "disk.img")
	if err := os.WriteFile(path, must.Get[[]byte](t)(os.ReadFile(rawImage(t, 32<<20, 32<<20))), 0o600); err != nil {
		t.Fatal(err)
	}
	v := must.Get[catalog.Version](t)(l.RegisterVersion(t.Context(), VersionRequest{
		ID: ubuntu.Version("1.0.0"), Source: file.Source{Path: path}, VerifyFull: true,
	}))
	base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), v.Digest))
	if v.Transferred != 0 || stepsOf(v) != "open copy verify" ||
		digestOf(t, filepath.Join(s.dir, base.Volume)) != v.Digest {
		t.Errorf("registered %+v by %s", v, stepsOf(v))
	}
	// Later changes to the file do not affect the image.
	if err := os.WriteFile(path, make([]byte, 32<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if digestOf(t, filepath.Join(s.dir, base.Volume)) != v.Digest {
		t.Error("the image has changed with the file")
	}
}
