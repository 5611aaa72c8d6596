package catalogcmd

import (
	"archive/tar"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A backup can come from anywhere: it is refused if its documents have names that a provider would
// not give.
func TestABackupOfStrangeNamesIsRefused(t *testing.T) {
	for _, id := range []catalog.TemplateID{
		{Tenant: "a.b", Name: "web"},
		{Tenant: "..", Name: "web"},
		{Tenant: "t1", Name: "../web"},
		{Tenant: "t1", Name: "we\tb"},
	} {
		b := backupOf(t, func(w *writer) error {
			return w.document(templatesName+id.String()+".json", catalog.Template{ID: id})
		})
		if found, err := b.templates(t.Context()); err == nil || !strings.Contains(err.Error(), id.Name) {
			t.Errorf("%q: %v, %v", id, found, err)
		}
	}
	r := catalog.ProvisioningRequest{ID: catalog.RequestID{Tenant: "a.b", ID: "r"}}
	b := backupOf(t, func(w *writer) error { return w.document(requestsName+r.ID.String()+".json", r) })
	if found, err := b.requests(t.Context()); err == nil {
		t.Errorf("a request: %v", found)
	}
	pool := catalog.ResourcePool{Name: "a.b"}
	b = backupOf(t, func(w *writer) error { return w.document(poolsName+pool.Name+".json", pool) })
	if found, err := b.resourcePools(t.Context()); err == nil {
		t.Errorf("a resource pool: %v", found)
	}
	fine := catalog.TemplateID{Tenant: "t1", Name: "web"}
	b = backupOf(t, func(w *writer) error {
		return w.document(templatesName+fine.String()+".json", catalog.Template{ID: fine})
	})
	if found, err := b.templates(t.Context()); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}

// backupOf returns a whole backup with what write writes.
func backupOf(t *testing.T, write func(*writer) error) *backup {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "backup.tar"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	w := &writer{tar: tar.NewWriter(file)}
	err = w.document(headerName, header{Format: backupFormat})
	if err == nil {
		err = write(w)
	}
	sums := w.sums.String()
	if err == nil {
		err = w.member(sumsName, int64(len(sums)), func(to io.Writer) error {
			_, err := io.WriteString(to, sums)
			return err
		})
	}
	if err == nil {
		err = w.tar.Close()
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBackup(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
