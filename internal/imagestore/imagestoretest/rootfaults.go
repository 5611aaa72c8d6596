package imagestoretest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// noRoot registers what containers cannot be made of, and gives a machine what it cannot be made of.
func noRoot(t *testing.T, b *bench) {
	st, content := b.Open(imagestore.Options{}), b.rootTar()
	packed := imagetest.Packed(t, "gzip", content)
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"a disk":      {imagetest.Qcow2(nil), "it is a qcow2 disk of a machine, and the template is for containers"},
		"a page":      {[]byte("<html>sign in</html>"), "HTML"},
		"a climber":   {ocitest.Tar(t, ocitest.File("../up", "x")), `entry "../up"`},
		"cut off":     {content[:1<<20], "cut off"},
		"cut gzip":    {packed[:len(packed)/2], "cut off"},
		"nothing":     {ocitest.Tar(t, ocitest.Dir(".")), "no files"},
		"other cores": {ocitest.Packed(t, ocitest.Layout(t, ocitest.Shop(t, "arm64"))), "has no image for linux/amd64"},
	} {
		_, err := b.tryHoldRoot(t.Context(), st, "1.0.0", b.put(c.content))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
		imagetest.WantBlamed(t, err, "path")
		b.unclaim("1.0.0")
	}
	_, _, err := b.tryHold(t.Context(), st, "2.0.0", b.put(content))
	if err == nil || !strings.Contains(err.Error(), "it is a tar archive") ||
		!strings.Contains(err.Error(), "the template is for machines") {
		t.Errorf("a machine of an archive: %v", err)
	}
	_, _, err = b.tryHold(t.Context(), st, "3.0.0", file.Source{Path: ocitest.Layout(t, ocitest.Shop(t, "amd64"))})
	if err == nil || !strings.Contains(err.Error(), "it is a directory with an OCI layout") {
		t.Errorf("a machine of a directory: %v", err)
	}
	b.isEmpty()
}

// unclaim removes the claim to a version.
func (b *bench) unclaim(number string) {
	b.t.Helper()
	rec, err := b.Documents.Versions().Get(b.t.Context(), b.version(number).String())
	b.check(err)
	b.check(b.Documents.Versions().Delete(b.t.Context(), rec.Key, rec.Revision))
}

// cramped is a host whose pools have little room.
type cramped struct{ host.Host }

func (c cramped) Pool(ctx context.Context, name string) (host.Pool, error) {
	pool, err := c.Host.Pool(ctx, name)
	pool.Available = 2 << 20
	return pool, err
}

func rootWithoutRoom(t *testing.T, b *bench) {
	st := b.Open(imagestore.Options{Host: cramped{b.Host}})
	_, err := b.tryHoldRoot(t.Context(), st, "1.0.0", b.put(b.rootTar()))
	if err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("got %v", err)
	}
	b.isEmpty()
}

// stopping is a host on which the work is cancelled when the image is to be sent.
type stopping struct {
	host.Host
	stop func()
}

func (s stopping) OpenTransfer(ctx context.Context) (host.Transfer, error) {
	defer s.stop()
	return s.Host.OpenTransfer(ctx)
}

func rootCancelled(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	st := b.Open(imagestore.Options{Host: stopping{b.Host, cancel}})
	if _, err := b.tryHoldRoot(ctx, st, "1.0.0", b.put(b.rootTar())); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	b.isEmpty()
}

// changing is a host on which something else happens when the volume of an image is created.
type changing struct {
	host.Host
	do func()
}

func (m changing) CreateVolume(ctx context.Context, pool string, spec host.VolumeSpec) (host.Volume, error) {
	if naming.IsBase(spec.Name) {
		m.do()
	}
	return m.Host.CreateVolume(ctx, pool, spec)
}

// rootChanged changes an archive between the two times that it is read.
func rootChanged(t *testing.T, b *bench) {
	content := b.rootTar()
	changed := bytes.Replace(content, []byte("app:x:1000:50"), []byte("app:x:1000:51"), 1)
	for name, to := range map[string][]byte{"other content": changed, "cut off": content[:1<<20]} {
		from := b.put(content)
		st := b.Open(imagestore.Options{Host: changing{b.Host, func() { b.check(os.WriteFile(from.Path, to, 0o600)) }}})
		_, err := b.tryHoldRoot(t.Context(), st, "1.0.0", from)
		if err == nil {
			t.Fatalf("%s: it was stored", name)
		}
		imagetest.WantBlamed(t, err, "path")
		b.unclaim("1.0.0")
		b.isEmpty()
	}
}
