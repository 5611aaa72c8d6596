package imagestoretest

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
)

// copied copies an image that one pool has to another one, as from one host to another.
func copied(t *testing.T, b *bench) {
	ctx, path := t.Context(), b.image(9<<20)
	content, err := os.ReadFile(path)
	b.check(err)
	clear(content[1<<20 : 8<<20]) // which is not sent
	b.check(os.WriteFile(path, content, 0o600))
	home, other := b.Open(imagestore.Options{}), b.OpenOther(imagestore.Options{Site: "there"})
	origin, _ := b.hold(home, "1.0.0", path)
	v := b.registered("1.0.0", origin.Digest)
	if _, has, err := other.Has(ctx, v); has || err != nil {
		t.Errorf("before it is copied, it is there: %t, %v", has, err)
	}
	b.check(other.Replicate(ctx, v, home, false))
	base, has, err := other.Has(ctx, v)
	if err != nil || !has || base.Copy == nil || base.Volume == origin.Volume ||
		!slices.Equal(base.Versions, []string{v.ID.String()}) {
		t.Fatalf("the copy is %+v, %t, %v", base, has, err)
	}
	b.check(other.Verify(ctx, base))
	var read bytes.Buffer
	b.check(other.Read(ctx, base, &read))
	if !bytes.Equal(read.Bytes(), content) {
		t.Errorf("the copy has %d bytes, and they are others", read.Len())
	}
	there, err := other.Volume(ctx, base)
	b.check(err)
	here, err := home.Volume(ctx, origin)
	b.check(err)
	if there.Allocation > here.Allocation+1<<20 {
		t.Errorf("the copy takes %d bytes, and the image %d: its holes were sent", there.Allocation, here.Allocation)
	}
	b.check(other.Replicate(ctx, v, home, false)) // which has nothing to do
	if again, _, err := other.Has(ctx, v); err != nil || again.Volume != base.Volume {
		t.Errorf("it was copied again: %+v, %v", again, err)
	}
	b.check(other.Holds(ctx, v.ID, base))
	b.check(other.NoteUse(ctx, base))

	b.check(other.ReleaseCopy(ctx, v))
	b.check(other.ReleaseCopy(ctx, v))
	if _, kept, err := other.Keeps(ctx, v.Digest); kept || err != nil {
		t.Errorf("it is still there: %t, %v", kept, err)
	}
	if _, kept, err := home.Keeps(ctx, v.Digest); !kept || err != nil {
		t.Errorf("at home it is there: %t, %v", kept, err)
	}
}

// notCopied copies what is not there, and what is damaged.
func notCopied(t *testing.T, b *bench) {
	ctx, home, other := t.Context(), b.Open(imagestore.Options{Site: "here"}), b.OpenOther(imagestore.Options{})
	base, _ := b.hold(home, "1.0.0", b.image(64<<10))
	v := b.registered("1.0.0", base.Digest)
	nowhere := v
	nowhere.Digest = "sha256:" + strings.Repeat("ab", 32)
	b.check(b.Host.WriteVolume(ctx, b.Pool, base.Volume, []byte("garbage")))
	for what, v := range map[string]catalog.Version{"damaged": v, "not there": nowhere} {
		err := other.Replicate(ctx, v, home, false)
		failed, is := errors.AsType[*imagestore.SourceError](err)
		if !is || failed.Site != "here" || errors.Is(err, imagestore.ErrNoImage) != (what == "not there") {
			t.Errorf("an image that is %s: %v", what, err)
		}
		if _, kept, err := other.Keeps(ctx, v.Digest); kept || err != nil {
			t.Errorf("an image that is %s was copied: %t, %v", what, kept, err)
		}
	}
}

// usedElsewhere looks for what needs a copy.
func usedElsewhere(t *testing.T, b *bench) {
	ctx, home, other := t.Context(), b.Open(imagestore.Options{}), b.OpenOther(imagestore.Options{Site: "there"})
	origin, _ := b.hold(home, "1.0.0", b.image(64<<10))
	v := b.registered("1.0.0", origin.Digest)
	tell := func(overlooked string) { t.Errorf("overlooked: %s", overlooked) }
	users := func() []string {
		in, err := other.CopyUsers(ctx, v, tell)
		b.check(err)
		return in.Users
	}
	if in := users(); len(in) > 0 {
		t.Errorf("without a copy, it is used by %q", in)
	}
	b.check(other.Replicate(ctx, v, home, false))
	if in := users(); len(in) > 0 {
		t.Errorf("nothing uses the copy, and there are %q", in)
	}
	base, _, err := other.Has(ctx, v)
	b.check(err)
	volume, err := other.Volume(ctx, base)
	b.check(err)
	_, err = b.Host.CreateVolume(ctx, volume.Pool, host.VolumeSpec{
		Name: "mine.qcow2", Format: "qcow2", Capacity: uint64(base.VirtualSize),
		Backing: &host.Backing{Path: volume.Path, Format: base.Format},
	})
	b.check(err)
	if in := users(); !slices.Equal(in, []string{"volume mine.qcow2 on there"}) {
		t.Errorf("a disk uses the copy, and there are %q", in)
	}
	impatient := b.OpenOther(imagestore.Options{CopiesFor: -time.Second})
	b.check(impatient.CollectCopies(ctx, home))
	if _, has, err := other.Has(ctx, v); !has || err != nil {
		t.Errorf("with a disk on it, a copy was collected: %v", err)
	}
	b.check(b.Host.DeleteVolume(ctx, volume.Pool, "mine.qcow2"))
	b.check(other.CollectCopies(ctx, home)) // it was just used
	if _, has, err := other.Has(ctx, v); !has || err != nil {
		t.Errorf("a copy that was just used was collected: %v", err)
	}
	b.check(impatient.CollectCopies(ctx, home))
	if _, kept, err := other.Keeps(ctx, v.Digest); kept || err != nil {
		t.Errorf("an unused copy was not collected: %v", err)
	}
}
