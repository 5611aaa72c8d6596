package imagestoretest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// RunRoots runs the suite for root file systems of containers; open creates a site for each of its
// tests.
func RunRoots(t *testing.T, open func(t *testing.T) Site) {
	for name, test := range map[string]func(*testing.T, *bench){
		"ARootIsStoredOnce":                 rootStoredOnce,
		"ImagesWithTheSameFilesShareABase":  rootsShare,
		"ARootIsFoundByItsChecksum":         rootByChecksum,
		"AFileHasRootsForTwoPlatforms":      rootsForPlatforms,
		"DigestsOfLayersAreNotLayers":       rootsWithoutLayers,
		"ManyProcessesSendARootOnce":        rootSentOnce,
		"ARawFileSystemStaysAsItIs":         rawRoot,
		"WhatIsNoRootLeavesNothing":         noRoot,
		"ARootNeedsRoom":                    rootWithoutRoom,
		"ACancelledRootLeavesNothing":       rootCancelled,
		"ARootIsCopiedFromAnotherPool":      rootCopied,
		"AnArchiveThatChangesLeavesNothing": rootChanged,
		"StepsOfARootAreNamed":              rootSteps,
	} {
		t.Run(name, func(t *testing.T) { test(t, &bench{Site: open(t), t: t}) })
	}
}

// holdRoot is hold for a container's version.
func (b *bench) holdRoot(st *imagestore.Store, number string, from source.Source) imagestore.Held {
	b.t.Helper()
	held, err := b.tryHoldRoot(b.t.Context(), st, number, from)
	b.check(err)
	if held.Root == nil {
		b.t.Fatalf("nothing is known of the root file system of version %s", number)
	}
	b.registered(number, held.Base.Digest)
	return held
}

func (b *bench) tryHoldRoot(
	ctx context.Context, st *imagestore.Store, number string, from source.Source,
) (imagestore.Held, error) {
	id, stem := b.claim(number)
	return st.Hold(ctx, imagestore.Request{
		Version: id, Form: catalog.FormRoot, Source: from, Stem: stem, VerifyFull: true, Steps: step.NewTimer(),
	})
}

// put puts content into a new file.
func (b *bench) put(content []byte) file.Source {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "image")
	b.check(os.WriteFile(path, content, 0o600))
	return file.Source{Path: path}
}

// rootTar is the archive of a root file system of some MiB.
func (b *bench) rootTar(more ...ocitest.Entry) []byte {
	return ocitest.Tar(b.t, append([]ocitest.Entry{
		ocitest.Dir("etc"), ocitest.File("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:50::/srv/app:/bin/sh\n"),
		ocitest.File("etc/group", "staff:x:50:app\n"),
		ocitest.File("usr/large", string(imagetest.RawDisk(3<<20+777))), ocitest.Symlink("bin", "usr/bin"),
		ocitest.Device(tar.TypeChar, "dev/null", 1, 3),
	}, more...)...)
}

func rootStoredOnce(t *testing.T, b *bench) {
	content, st := b.rootTar(), b.Open(imagestore.Options{})
	first := b.holdRoot(st, "1.0.0", b.put(content))
	base, identity := first.Base, "root:"+imagetest.SHA256(content)
	if base.State != catalog.BaseReady || base.Format != "raw" || base.VirtualSize != base.StoredSize ||
		base.VirtualSize%ext4.BlockSize != 0 || first.Transferred < 3<<20 ||
		!slices.Contains(base.Sources, identity+"@ext4-1") {
		t.Errorf("held %+v", first)
	}
	if r := first.Root; r.Identity != identity || r.Format != ext4.Format ||
		!slices.Contains(r.Users, catalog.RootUser{Name: "app", UID: 1000, GID: 50, Home: "/srv/app"}) ||
		len(r.Groups) != 1 || !slices.Equal(r.Groups[0].Members, []string{"app"}) {
		t.Errorf("of it is known %+v", r)
	}
	// Earlier providers do not see containers. They keep bases with children that exist.
	if !slices.Equal(base.Children, []string{base.Volume}) {
		t.Errorf("its children are %q", base.Children)
	}
	v := catalog.Version{ID: b.version("1.0.0"), Digest: base.Digest, Root: first.Root}
	if in, err := st.Users(t.Context(), v, func(string) {}); err != nil || in.InUse() {
		t.Errorf("it is used by %v, %v", in, err)
	}
	b.check(st.Verify(t.Context(), base)) // the digest is that of what is in the volume
	volume, err := st.Volume(t.Context(), base)
	if err != nil || volume.Capacity != uint64(base.VirtualSize) {
		t.Errorf("its volume is %+v, %v", volume, err)
	}
	var stored bytes.Buffer
	b.check(st.Read(t.Context(), base, &stored))
	if !bytes.Contains(stored.Bytes(), []byte("app:x:1000:50::/srv/app")) {
		t.Error("the files are not in the file system")
	}
	for number, packed := range map[string][]byte{
		"2.0.0": content, "3.0.0": imagetest.Packed(t, "gzip", content), "4.0.0": imagetest.Packed(t, "xz", content),
	} {
		again := b.holdRoot(b.Open(imagestore.Options{}), number, b.put(packed))
		if again.Base.Volume != base.Volume || again.Transferred != 0 || again.Root.Identity != identity {
			t.Errorf("version %s has %+v, and sent %d bytes", number, again.Base, again.Transferred)
		}
	}
	if volumes, all := b.volumes(), b.documents(); len(volumes) != 1 || len(all) != 1 {
		t.Errorf("the pool has %q, and %+v", volumes, all)
	}
	other := b.holdRoot(st, "5.0.0", b.put(b.rootTar(ocitest.File("other", "file"))))
	if other.Base.Digest == base.Digest || len(b.volumes()) != 2 {
		t.Errorf("another image is %+v in %q", other.Base, b.volumes())
	}
	for number, same := range map[string]bool{"1.0.0": true, "5.0.0": false} {
		v := catalog.Version{ID: b.version(number), Digest: base.Digest, Root: first.Root}
		from := b.put(imagetest.Packed(t, "gzip", content))
		if !same {
			from = b.put(b.rootTar(ocitest.File("other", "file")))
		}
		if leads, err := st.LeadsTo(t.Context(), from, v); err != nil || leads != same {
			t.Errorf("its archive leads to version %s: %t, %v", number, leads, err)
		}
	}
}

// rootsShare registers one image in several forms, and another one with the same layers.
func rootsShare(t *testing.T, b *bench) {
	st, im := b.Open(imagestore.Options{}), ocitest.Shop(t, "amd64")
	other := ocitest.Shop(t, "amd64", func(f *v1.ConfigFile) { f.Config.Entrypoint = []string{"/other"} })
	first := b.holdRoot(st, "1.0.0", file.Source{Path: ocitest.Layout(t, im)})
	manifest, config := must.Get[v1.Hash](t)(im.Digest()), must.Get[v1.Hash](t)(im.ConfigName())
	if r := first.Root; r.Identity != "config:"+config.String() || r.Manifest != manifest.String() ||
		r.Architecture != "amd64" || !slices.Equal(r.Entrypoint, []string{"/shop"}) {
		t.Errorf("of the layout is known %+v", r)
	}
	docker := b.holdRoot(st, "2.0.0", b.put(ocitest.DockerArchive(t, map[string]v1.Image{"shop:1": im})))
	if docker.Base.Volume != first.Base.Volume || docker.Transferred != 0 ||
		docker.Root.Identity != first.Root.Identity || docker.Root.Manifest != "" || len(docker.Root.Users) != 2 {
		t.Errorf("the output of docker save has %+v", docker)
	}
	third := b.holdRoot(st, "3.0.0", b.put(ocitest.Packed(t, ocitest.Layout(t, other))))
	if third.Base.Volume != first.Base.Volume || third.Transferred != 0 ||
		!slices.Equal(third.Root.Entrypoint, []string{"/other"}) {
		t.Errorf("the image with another entrypoint has %+v", third)
	}
	again := b.holdRoot(st, "4.0.0", file.Source{Path: ocitest.Layout(t, im)})
	if again.Root.Identity != first.Root.Identity || !slices.Equal(again.Root.Entrypoint, []string{"/shop"}) {
		t.Errorf("the first image has %+v the second time", again.Root)
	}
	if volumes, all := b.volumes(), b.documents(); len(volumes) != 1 || len(all) != 1 || len(all[0].Value.Roots) != 3 {
		t.Errorf("the pool has %q, and %+v", volumes, all)
	}
	repacked := ocitest.Repacked(t, im)
	fifth := b.holdRoot(st, "5.0.0", file.Source{Path: ocitest.Layout(t, repacked)})
	if r := fifth.Root; fifth.Transferred != 0 || r.Identity != first.Root.Identity ||
		r.Manifest != must.Get[v1.Hash](t)(repacked.Digest()).String() {
		t.Errorf("compressed in another way, the image has %+v", fifth)
	}
	for number := range 5 {
		b.check(st.Release(t.Context(), first.Base.Digest, b.version(string(rune('1'+number))+".0.0")))
	}
	b.isEmpty()
}

func rootByChecksum(t *testing.T, b *bench) {
	content, st := b.rootTar(), b.Open(imagestore.Options{})
	from := b.put(content)
	from.Checksum = imagetest.SHA512(content)
	first := b.holdRoot(st, "1.0.0", from)
	gone := file.Source{Path: from.Path + ".gone", Checksum: from.Checksum}
	second := b.holdRoot(st, "2.0.0", gone)
	if second.Base.Volume != first.Base.Volume || second.Transferred != 0 || len(second.Root.Users) != 2 {
		t.Errorf("by its checksum alone, it is %+v", second)
	}
	if known, err := st.HasSource(t.Context(), first.Base.Digest, gone); err != nil || !known {
		t.Errorf("its checksum is known: %t, %v", known, err)
	}
	if _, _, err := b.tryHold(t.Context(), st, "3.0.0", gone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("as the disk of a machine, it is found: %v", err)
	}
	wrong := b.put(content)
	wrong.Checksum = imagetest.SHA256(nil)
	if _, err := b.tryHoldRoot(t.Context(), st, "4.0.0", wrong); err == nil {
		t.Error("a wrong checksum was accepted")
	}
	if len(b.volumes()) != 1 || len(b.documents()) != 1 {
		t.Errorf("the pool has %q", b.volumes())
	}
}

// rootsWithoutLayers registers images whose layers are missing. Only one that the pool knows as a whole
// is found there; another one with the same digests of layers is not.
func rootsWithoutLayers(t *testing.T, b *bench) {
	st, im := b.Open(imagestore.Options{}), ocitest.Shop(t, "amd64")
	first := b.holdRoot(st, "1.0.0", file.Source{Path: ocitest.Layout(t, im)})
	bare := func(im v1.Image) file.Source {
		directory := ocitest.Layout(t, im)
		for _, l := range must.Get[[]v1.Layer](t)(im.Layers()) {
			digest := must.Get[v1.Hash](t)(l.Digest())
			b.check(os.Remove(filepath.Join(directory, "blobs", digest.Algorithm, digest.Hex)))
		}
		return file.Source{Path: directory}
	}
	if held := b.holdRoot(st, "2.0.0", bare(im)); held.Base.Digest != first.Base.Digest || held.Transferred != 0 {
		t.Errorf("the image that the pool knows is %+v", held)
	}
	other := ocitest.Shop(t, "amd64", func(f *v1.ConfigFile) { f.Config.Entrypoint = []string{"/other"} })
	if held, err := b.tryHoldRoot(t.Context(), st, "3.0.0", bare(other)); err == nil {
		t.Errorf("with another configuration, and without layers, it is %+v", held)
	}
	if all := b.documents(); len(all) != 1 || len(all[0].Value.Versions) != 2 {
		t.Errorf("the pool has %+v", all)
	}
}

// rootsForPlatforms registers one file, by its checksum, on two hosts that share a pool.
func rootsForPlatforms(t *testing.T, b *bench) {
	from := b.put(ocitest.Packed(t, ocitest.Layout(t, ocitest.Shop(t, "amd64"), ocitest.Shop(t, "arm64"))))
	from.Checksum = imagetest.SHA256(must.Get[[]byte](t)(os.ReadFile(from.Path)))
	for _, c := range []struct{ number, machine, architecture string }{
		{"1.0.0", "x86_64", "amd64"}, {"2.0.0", "aarch64", "arm64"},
		{"3.0.0", "x86_64", "amd64"}, {"4.0.0", "aarch64", "arm64"},
	} {
		st := b.Open(imagestore.Options{Host: machine{b.Host, c.machine}})
		held := b.holdRoot(st, c.number, from)
		if first := c.number < "3"; held.Root.Architecture != c.architecture || held.Transferred > 0 != first {
			t.Errorf("version %s, on a host of the architecture %s, is %+v", c.number, c.machine, held)
		}
	}
	if len(b.documents()) != 2 {
		t.Errorf("the pool has %+v", b.documents())
	}
}

// machine is a host with other processors.
type machine struct {
	host.Host
	architecture string
}

func (m machine) Info(ctx context.Context) (host.Info, error) {
	info, err := m.Host.Info(ctx)
	info.Arch = m.architecture
	return info, err
}

func rootSentOnce(t *testing.T, b *bench) {
	im := ocitest.Shop(t, "amd64")
	directory, archive := ocitest.Layout(t, im), b.put(ocitest.DockerArchive(t, map[string]v1.Image{"shop:1": im}))
	numbers := []string{"1.0.0", "2.0.0", "3.0.0", "4.0.0"}
	stems := map[string]string{}
	for _, number := range numbers {
		_, stems[number] = b.claim(number)
	}
	created := &creations{Host: b.Host}
	var group errgroup.Group
	for n, number := range numbers {
		st, from := b.Open(imagestore.Options{Host: created}), archive
		if n%2 == 0 {
			from = file.Source{Path: directory}
		}
		group.Go(func() error {
			held, err := st.Hold(t.Context(), imagestore.Request{
				Version: b.version(number), Form: catalog.FormRoot, Source: from, Stem: stems[number],
			})
			if err == nil && (held.Root == nil || len(held.Root.Users) != 2) {
				t.Errorf("version %s is described as %+v", number, held.Root)
			}
			return err
		})
	}
	b.check(group.Wait())
	all := b.documents()
	if len(all) != 1 || len(all[0].Value.Versions) != len(numbers) || len(b.volumes()) != 1 ||
		created.images.Load() != 1 {
		t.Errorf("in %d volumes, the documents are %+v, the volumes %q", created.images.Load(), all, b.volumes())
	}
}

// rawRoot registers a file system as it is: what the store has written for another version.
func rawRoot(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{})
	first := b.holdRoot(st, "1.0.0", b.put(b.rootTar()))
	var stored bytes.Buffer
	b.check(st.Read(t.Context(), first.Base, &stored))
	b.check(st.Release(t.Context(), first.Base.Digest, b.version("1.0.0")))
	b.isEmpty()
	for number, content := range map[string][]byte{
		"2.0.0": stored.Bytes(), "3.0.0": imagetest.Packed(t, "zstd", stored.Bytes()),
	} {
		held := b.holdRoot(st, number, b.put(content))
		if held.Base.Digest != first.Base.Digest || held.Root.Identity != "" || held.Root.Format != 0 {
			t.Errorf("version %s has %+v", number, held)
		}
	}
	if len(b.volumes()) != 1 {
		t.Errorf("the pool has %q", b.volumes())
	}
}

func rootCopied(t *testing.T, b *bench) {
	ctx, home, other := t.Context(), b.Open(imagestore.Options{}), b.OpenOther(imagestore.Options{Site: "there"})
	origin := b.holdRoot(home, "1.0.0", b.put(b.rootTar()))
	v := b.registered("1.0.0", origin.Base.Digest)
	b.check(other.Replicate(ctx, v, home, false))
	base, has, err := other.Has(ctx, v)
	if err != nil || !has || len(base.Roots) != 1 || base.Roots[0].Identity != origin.Root.Identity {
		t.Fatalf("the copy is %+v, %t, %v", base, has, err)
	}
	if !slices.Equal(base.Children, []string{base.Volume}) {
		t.Errorf("the copy's children are %q", base.Children)
	}
	b.check(other.Verify(ctx, base))
	b.check(other.ReleaseCopy(ctx, v))
	if _, kept, err := other.Keeps(ctx, v.Digest); kept || err != nil {
		t.Errorf("it is still there: %t, %v", kept, err)
	}
}

func rootSteps(t *testing.T, b *bench) {
	from, st := b.put(b.rootTar()), b.Open(imagestore.Options{})
	for _, c := range []struct {
		number string
		want   []string
	}{{"1.0.0", []string{"open", "index", "send", "verify"}}, {"2.0.0", []string{"open", "index", "join"}}} {
		id, stem := b.claim(c.number)
		steps := step.NewTimer()
		_, err := st.Hold(t.Context(), imagestore.Request{
			Version: id, Form: catalog.FormRoot, Source: from, Stem: stem, Steps: steps,
		})
		b.check(err)
		var names []string
		for _, s := range steps.Steps() {
			names = append(names, strings.Replace(s.Name, "copy", "send", 1)) // where the pool is a directory here
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("the steps of version %s are %q, want %q", c.number, names, c.want)
		}
	}
}
