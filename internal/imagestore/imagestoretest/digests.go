package imagestoretest

import (
	"context"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// sumOf is the SHA-256 of a file, as a checksum.
func sumOf(content []byte) string {
	sum := digest.SHA256.New()
	_, _ = sum.Write(content)
	return sum.Sum()
}

// foundByChecksum registers files by their checksums: what the pool has is found without a look at
// the file.
func foundByChecksum(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	content, err := os.ReadFile(path)
	b.check(err)
	first, _ := b.hold(st, "1.0.0", path)
	with := file.Source{Path: path, Checksum: sumOf(content)}
	if known, err := st.HasSource(t.Context(), first.Digest, with); err != nil || known {
		t.Errorf("the checksum of a file that was registered without one is known: %t, %v", known, err)
	}
	if is, err := st.IsOf(t.Context(), first.Digest, with); err != nil || !is {
		t.Errorf("read back, it has the checksum: %t, %v", is, err)
	}
	for _, other := range []string{"", sumOf(nil), "sha512:" + strings.Repeat("ab", 64)} {
		if is, err := st.IsOf(t.Context(), first.Digest, file.Source{Path: path, Checksum: other}); err != nil || is {
			t.Errorf("read back, it has the checksum %q: %t, %v", other, is, err)
		}
	}
	if second, _, err := b.tryHold(t.Context(), st, "2.0.0", with); err != nil || second.Volume != first.Volume {
		t.Errorf("with its checksum, the image is %+v, %v, and was %+v", second, err, first)
	}
	gone := file.Source{Path: path + ".gone", Checksum: with.Checksum}
	third, sent, err := b.tryHold(t.Context(), st, "3.0.0", gone)
	if err != nil || third.Volume != first.Volume || sent != 0 {
		t.Errorf("by its checksum alone, the image is %+v, %v, for %d bytes", third, err, sent)
	}
	if known, err := st.HasSource(t.Context(), first.Digest, gone); err != nil || !known {
		t.Errorf("afterwards the checksum is known: %t, %v", known, err)
	}
	if all := b.documents(); len(all) != 1 || len(b.volumes()) != 1 {
		t.Errorf("the documents are %+v, the volumes %q", all, b.volumes())
	}
}

// earlier uses an image as earlier providers have stored it, by its SHA-256.
func earlier(t *testing.T, b *bench) {
	path, st := b.image(64<<10), b.Open(imagestore.Options{})
	content, err := os.ReadFile(path)
	b.check(err)
	first, _ := b.hold(st, "1.0.0", path)
	old := b.asEarlier(first, sumOf(content))
	for number, from := range map[string]file.Source{
		"2.0.0": {Path: path}, "3.0.0": {Path: path + ".gone", Checksum: old.Digest},
	} {
		base, sent, err := b.tryHold(t.Context(), st, number, from)
		if err != nil || base.Volume != first.Volume || base.Digest != old.Digest || sent != 0 {
			t.Errorf("version %s has %+v, %v, for %d bytes, want %+v", number, base, err, sent, old)
		}
	}
	if all := b.documents(); len(all) != 1 || len(b.volumes()) != 1 {
		t.Errorf("the documents are %+v, the volumes %q", all, b.volumes())
	}
	b.check(st.Verify(t.Context(), old))
	b.check(st.Read(t.Context(), old, io.Discard))
	same, err := st.LeadsTo(t.Context(), file.Source{Path: path}, catalog.Version{Digest: old.Digest})
	if err != nil || !same {
		t.Errorf("its file leads to it: %t, %v", same, err)
	}
	if other, _ := b.hold(st, "4.0.0", b.image(64<<10)); other.Volume == first.Volume {
		t.Error("another image of the same size is taken for it")
	}
	for _, number := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		b.check(st.Release(t.Context(), old.Digest, b.version(number)))
	}
	if len(b.volumes()) != 1 {
		t.Errorf("without its versions, the pool has %q", b.volumes())
	}
	stored := imagestore.Stored{Base: old, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	v := b.registered("1.0.0", old.Digest)
	b.check(st.Restore(t.Context(), v, naming.NewBaseStem(), func(digest string) (imagestore.Stored, bool) {
		return stored, digest == old.Digest
	}))
	b.check(b.Host.WriteVolume(t.Context(), b.Pool, must.Get[catalog.Base](t)(st.Base(t.Context(), old.Digest)).Volume,
		[]byte("garbage")))
	if err := st.Verify(t.Context(), must.Get[catalog.Base](t)(st.Base(t.Context(), old.Digest))); err == nil {
		t.Error("damage to it was not found")
	}
}

// sentOnce registers an image by several processes at once.
func sentOnce(b *bench, checksum bool) {
	t := b.t
	from := file.Source{Path: b.image(256 << 10)}
	if checksum {
		content, err := os.ReadFile(from.Path)
		b.check(err)
		from.Checksum = sumOf(content)
	}
	numbers := []string{"1.0.0", "2.0.0", "3.0.0", "4.0.0"}
	claims := map[string]string{}
	for _, number := range numbers {
		_, claims[number] = b.claim(number)
	}
	var group errgroup.Group
	created := &creations{Host: b.Host}
	for _, number := range numbers {
		st := b.Open(imagestore.Options{Host: created})
		group.Go(func() error {
			_, err := st.Hold(t.Context(), imagestore.Request{
				Version: b.version(number), Source: from, Stem: claims[number],
				Steps: step.NewTimer(),
			})
			return err
		})
	}
	b.check(group.Wait())
	all := b.documents()
	if len(all) != 1 || len(all[0].Value.Versions) != len(numbers) || len(b.volumes()) != 1 {
		t.Errorf("the documents are %+v, the volumes %q", all, b.volumes())
	}
	if n := created.images.Load(); checksum && n != 1 {
		t.Errorf("it was sent to %d volumes, want one", n)
	}
}

// creations counts the volumes that are created for images.
type creations struct {
	host.Host
	images atomic.Int64
}

func (c *creations) CreateVolume(ctx context.Context, pool string, spec host.VolumeSpec) (host.Volume, error) {
	if naming.IsBase(spec.Name) && naming.BaseOf(spec.Name) == spec.Name {
		c.images.Add(1)
	}
	return c.Host.CreateVolume(ctx, pool, spec)
}

// interrupted is a file before which something else happens, once it is to be sent.
type interrupted struct {
	file.Source
	before func()
}

func (i interrupted) Open(ctx context.Context) (*transfer.Image, error) {
	i.before()
	return i.Source.Open(ctx)
}

// claimedMeanwhile registers an image that another process registers between the look at the pool
// and the reservation.
func claimedMeanwhile(t *testing.T, b *bench) {
	path := b.image(64 << 10)
	content, err := os.ReadFile(path)
	b.check(err)
	from := file.Source{Path: path, Checksum: sumOf(content)}
	id, stem := b.claim("1.0.0")
	var other catalog.Base
	created := &creations{Host: b.Host}
	held, err := b.Open(imagestore.Options{Host: created}).Hold(t.Context(), imagestore.Request{
		Version: id, Stem: stem, Steps: step.NewTimer(),
		Source: interrupted{from, func() {
			other, _, err = b.tryHold(t.Context(), b.Open(imagestore.Options{}), "2.0.0", from)
			b.check(err)
		}},
	})
	if err != nil || held.Base.Volume != other.Volume || created.images.Load() != 0 {
		t.Errorf("held %+v, %v, in %d volumes, want %+v", held, err, created.images.Load(), other)
	}
	if all := b.documents(); len(all) != 1 || len(b.volumes()) != 1 {
		t.Errorf("the documents are %+v, the volumes %q", all, b.volumes())
	}
}
