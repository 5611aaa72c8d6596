package imagestore

import (
	"context"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// reading counts how often something is read from a host.
type reading struct {
	host.Host
	transfers int
}

func (r *reading) OpenTransfer(ctx context.Context) (host.Transfer, error) {
	r.transfers++
	return r.Host.OpenTransfer(ctx)
}

// Plans read an image back only if that can tell something.
func TestAnImageIsReadBackOnlyIfThatHelps(t *testing.T) {
	memory := fakehost.New()
	must.Get[host.Pool](t)(memory.CreateDirPool(t.Context(), "novacron", "/novacron"))
	h := &reading{Host: memory}
	documents := poolstore.New(memory, "novacron")
	s := stored{New(Options{Host: h, Pool: "novacron", Documents: documents, Tenant: "shop"}), documents}
	sum := "sha256:" + strings.Repeat("bb", 32)
	s.base(t, catalog.Base{Digest: digestA, State: catalog.BaseReady, Volume: "nova.base.gone.raw"})
	s.base(t, catalog.Base{Digest: "fsverity:aa", State: catalog.BaseReady, Volume: "nova.base.gone.raw"})
	s.base(t, catalog.Base{Digest: "fsverity:cc", State: catalog.BaseReady, Parent: digestA})
	for known, transfers := range map[string]int{
		digestA: 0, "fsverity:cc": 0, "fsverity:dd": 0, // an earlier provider's, one on another, one that is gone
		"fsverity:aa": 1, // its volume is gone
	} {
		h.transfers = 0
		is, err := s.IsOf(t.Context(), known, file.Source{Path: "/nowhere", Checksum: sum})
		if is || err != nil || h.transfers != transfers {
			t.Errorf("%s is the file: %t, %v, and was read %d times, want %d", known, is, err, h.transfers, transfers)
		}
	}
}
