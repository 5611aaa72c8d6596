package provision

import (
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
)

// A plan warns once the guests that it resumes take more memory than the host has. It counts each of
// them once, and makes no request for that.
func TestAPlanWarnsOfTooLittleMemoryForResumedGuests(t *testing.T) {
	for _, available := range []uint64{1, 0} { // MiB; 0 is not known
		onWarmSite(t, func(t *testing.T, s *testSite) {
			s.HasMemory = available
			template := must.Get[catalog.Template](t)(s.lib.Template(t.Context(), siteTemplate))
			version := must.Get[catalog.Version](t)(s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
			snapshot := must.Get[Snapshot](t)(s.p.Warm(t.Context(), version))
			fit := int(1 << 20 / snapshot.MemorySize)
			if fit < 2 {
				t.Fatalf("the memory has %d bytes", snapshot.MemorySize)
			}
			says := func(n int) string {
				t.Helper()
				r := s.request("instantiate")
				r.Name = fmt.Sprintf("web-%d", n)
				b, _ := s.p.NewBlueprint(r, template, version)
				f, fails, err := s.p.WarnResume(t.Context(), r, b)
				if err != nil || fails {
					t.Errorf("%s: fails: %t, %v", r.Name, fails, err)
				}
				return f.Detail
			}
			says(0) // looks at the snapshot
			s.Inject = func(c fakehost.Call) (none fakehost.Fault) {
				t.Errorf("a request: %s", c.Method)
				return none
			}
			for n := range 2 * fit {
				if said := says(n % fit); said != "" {
					t.Fatalf("guest %d of those that fit: %q", n, said)
				}
			}
			want := fmt.Sprintf("(%d)", fit+1)
			if said := says(fit); available > 0 && !strings.Contains(said, want) || available == 0 && said != "" {
				t.Errorf("with %d MiB for one guest too many, a plan says %q, want %q", available, said, want)
			}
		})
	}
}
