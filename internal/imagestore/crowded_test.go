package imagestore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// A plan warns once of a pool that has nearly as many volumes as libvirt lists, and asks the host nothing for that.
func TestAPlanWarnsOnceOfACrowdedPool(t *testing.T) {
	for volumes, warns := range map[int]bool{13105: false, 13107: true, 16384: true} {
		h := fakehost.New()
		must.Value(h.CreateDirPool(t.Context(), "novacron", "/novacron"))
		documents := poolstore.New(h, "novacron")
		st := storeIn(h, "novacron", Options{Index: documents})
		id := catalog.TemplateID{Tenant: "shop", Name: "web"}
		must.Value(st.documents.Templates().Create(t.Context(), id.String(), catalog.Template{ID: id}))
		for n := range volumes - 1 {
			h.PutFile("novacron", fmt.Sprintf("volume-%d", n), nil)
		}
		if f := st.Crowded(); f.Summary != "" {
			t.Errorf("before anything was read: %+v", f)
		}
		must.Value(documents.Templates().List(t.Context(), ""))
		before := h.Calls()
		first, second := st.Crowded(), st.Crowded()
		if (first.Summary != "") != warns || second.Summary != "" || h.Calls() != before {
			t.Errorf("of %d volumes, with %d requests: %+v, and then %+v", volumes, h.Calls()-before, first, second)
		}
		says := fmt.Sprintf(`pool "novacron" on %s has %d volumes, and libvirt lists at most 16384`, h.URI(), volumes)
		if warns && !strings.Contains(first.Detail, says) {
			t.Errorf("%q does not say %q", first.Detail, says)
		}
	}
}
