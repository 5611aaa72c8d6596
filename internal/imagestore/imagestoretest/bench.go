package imagestoretest

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// bench is a site with the operations of the tests.
type bench struct {
	Site
	t *testing.T
}

// version names a version of the template "web".
func (b *bench) version(number string) catalog.VersionID {
	return catalog.TemplateID{Tenant: b.Tenant, Name: "web"}.Version(number)
}

// claim writes the document of a version that is being registered.
func (b *bench) claim(number string) (catalog.VersionID, string) {
	b.t.Helper()
	id, stem := b.version(number), naming.NewBaseStem()
	now, err := b.Documents.Now(b.t.Context())
	b.check(err)
	_, err = b.Documents.Versions().Create(b.t.Context(), id.String(), catalog.Version{
		ID: id, Claim: &catalog.Claim{
			Runner: "elsewhere/4711/m/b/1-1/99", Since: now, Deadline: now.Add(time.Hour), Volume: stem,
		},
	})
	b.check(err)
	return id, stem
}

// hold registers a version as far as its image is concerned, and returns how many bytes were sent.
func (b *bench) hold(st *imagestore.Store, number, path string) (catalog.Base, int64) {
	b.t.Helper()
	base, sent, err := b.tryHold(b.t.Context(), st, number, file.Source{Path: path})
	b.check(err)
	b.registered(number, base.Digest)
	return base, sent
}

func (b *bench) tryHold(
	ctx context.Context, st *imagestore.Store, number string, from source.Source,
) (catalog.Base, int64, error) {
	id, stem := b.claim(number)
	held, err := st.Hold(ctx, imagestore.Request{Version: id, Source: from, Stem: stem, Steps: step.NewTimer()})
	return held.Base, held.Transferred, err
}

// registered writes the document of a version whose registration is complete.
func (b *bench) registered(number, digest string) catalog.Version {
	b.t.Helper()
	rec, err := catalog.Change(b.t.Context(), b.Documents.Versions(), b.version(number).String(),
		func(v *catalog.Version) error {
			v.Claim, v.Digest = nil, digest
			return nil
		})
	b.check(err)
	return rec.Value
}

// image creates a raw disk with a boot sector's mark and, after that sector, random data: the first
// bytes of random data may be those of any format.
func (b *bench) image(size int) string {
	b.t.Helper()
	content := make([]byte, size)
	_, _ = rand.Read(content[512:])
	content[510], content[511] = 0x55, 0xaa
	path := filepath.Join(b.t.TempDir(), "disk.img")
	b.check(os.WriteFile(path, content, 0o600))
	return path
}

// asEarlier turns the document of a base into one of an earlier provider, whose digest was the
// SHA-256.
func (b *bench) asEarlier(base catalog.Base, sum string) catalog.Base {
	b.t.Helper()
	rec, err := b.Documents.Bases().Get(b.t.Context(), catalog.BaseKey(base.Digest))
	b.check(err)
	old := rec.Value
	old.Digest = sum
	_, err = b.Documents.Bases().Create(b.t.Context(), catalog.BaseKey(sum), old)
	b.check(err)
	b.check(b.Documents.Bases().Delete(b.t.Context(), rec.Key, rec.Revision))
	b.registered("1.0.0", sum)
	return old
}

// volumes returns the names of the images' volumes, without the maps of their blocks.
func (b *bench) volumes() []string {
	b.t.Helper()
	b.check(b.Host.RefreshPool(b.t.Context(), b.Pool))
	names, err := b.Host.VolumeNames(b.t.Context(), b.Pool)
	b.check(err)
	return slices.DeleteFunc(names, func(name string) bool {
		return !naming.IsBase(name) || naming.BaseOf(name) != name
	})
}

func (b *bench) documents() []catalog.Record[catalog.Base] {
	b.t.Helper()
	all, err := b.Documents.Bases().List(b.t.Context(), "")
	b.check(err)
	return all
}

// isEmpty checks that there is neither an image nor a document of one.
func (b *bench) isEmpty() {
	b.t.Helper()
	if volumes, documents := b.volumes(), b.documents(); len(volumes)+len(documents) > 0 {
		b.t.Errorf("left over: the volumes %q, the documents %+v", volumes, documents)
	}
}

func (b *bench) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}
