package library

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
)

// An image that no host has is missed on each host once, whether it is looked for or copied.
func TestAnImageThatNoHostHasIsMissedOnEachHost(t *testing.T) {
	m := &memory{}
	images := func(site string) *imagestore.Store {
		h := fakehost.New()
		must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "novacron", "/novacron"))
		return imagestore.New(imagestore.Options{Host: h, Pool: "novacron", Documents: m, Tenant: "shop", Site: site})
	}
	home, other := images("kvm1"), images("kvm2")
	l := New(Options{Images: home, Others: []*imagestore.Store{other}, Store: m, User: "ann"})
	v := catalog.Version{ID: web.Version("1.0.0"), Digest: "sha256:" + strings.Repeat("ab", 32)}
	for _, at := range []*Library{l, l.At(other)} {
		for doing, err := range map[string]error{
			"looking for it": at.CheckImage(t.Context(), v), "copying it": at.Replicate(t.Context(), v),
		} {
			if err == nil || !strings.Contains(err.Error(), "none of the hosts kvm1, kvm2 has its image") {
				t.Errorf("%s on %s: %v", doing, at.Images.Site(), err)
			}
		}
	}
}
