package imagestore

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

func TestUsersOfOtherTenantsAreCounted(t *testing.T) {
	err := &InUseError{Version: web.Version("1.0.0"), Users: []string{"shop/a"}, Others: 3, BuiltBy: 2}
	for _, says := range []string{
		"hold only what differs from it: 2 of other tenants. Destroy them first",
		"need its base image: shop/a, and 3 of other tenants. Destroy them first",
	} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// Things that are another tenant's by their name, or use the same image, are counted in messages
// and not named.
func TestMessagesNameNothingOfOthers(t *testing.T) {
	s := inMemory(t)
	base := catalog.Base{Versions: []string{"bank/vault@1.0.0", "shop/web@1.0.0", "0123456789ab:bank/vault@2.0.0"}}
	if got := strings.Join(versionsOn(base, s.tenant), ", "); got != "shop/web@1.0.0, 2 of other tenants or catalogs" {
		t.Errorf("the users of an image are %s", got)
	}
}
