package provision

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestNamesOnTheHostTellTenantsApart(t *testing.T) {
	for want, got := range map[string]string{
		"web":                           naming.Domain("default", "web"),
		"t1.web":                        naming.Domain("t1", "web"),
		"nova.disk.t1.web.system.qcow2": naming.Disk("t1", "web", "system", "qcow2"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	prefixes := naming.InstancePrefixes("t1", "web")
	for _, volume := range []string{
		naming.Disk("t1", "web-2", "a", "raw"), naming.Disk("t2", "web", "a", "raw"), naming.Seed("t1", "we"),
	} {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(volume, prefix) }) {
			t.Errorf("%q is taken for one of t1/web", volume)
		}
	}
	for _, volume := range []string{
		naming.Disk("t1", "web", "a", "raw"), naming.Seed("t1", "web"), naming.Console("t1", "web") + ".0",
	} {
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(volume, prefix) }) {
			t.Errorf("%q is not taken for one of t1/web", volume)
		}
	}
}
