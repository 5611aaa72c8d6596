package polkit

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestRulesDoNotDependOnTheOrderOfNames(t *testing.T) {
	one, err := Rules{Users: []string{"b", "a"}, Tenant: "t1", Pools: []string{"y", "x"}}.Render()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Rules{Users: []string{"a", "b"}, Tenant: "t1", Pools: []string{"x", "y"}}.Render()
	if err != nil || one != other {
		t.Errorf("%v\n%s\nis not\n%s", err, one, other)
	}
	for _, line := range []string{
		`var tenant = "t1";`, `var users = ["a","b"];`, `var groups = [];`, `var pools = ["x","y"];`,
		`var readTenants = [];`, `var publish = false;`, `var containers = false;`,
		`var tenantHash = "` + naming.TenantHash("t1") + `";`,
		"/etc/polkit-1/rules.d/50-novacron-t1.rules",
	} {
		if !strings.Contains(one, line) {
			t.Errorf("there is no %s in\n%s", line, one)
		}
	}
}

// A name stays a name, even with special characters in it.
func TestNamesCannotBreakOutOfTheRules(t *testing.T) {
	for _, name := range []string{`a"; } ) ; polkit.log("x`, "a\nb", "a\u2028b", `a\`, "</script>", "*/"} {
		content, err := Rules{
			Users: []string{name}, Groups: []string{name}, Tenant: "t1", Pools: []string{name},
		}.Render()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Rules{Users: []string{"a"}, Groups: []string{"a"}, Tenant: "t1", Pools: []string{"a"}}.Render()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Count(content, "\n"), strings.Count(plain, "\n"); got != want {
			t.Errorf("%q takes %d lines more", name, got-want)
		}
		written, _ := js([]string{name})
		if strings.Count(content, written) != 3 {
			t.Errorf("%q is not written as %s:\n%s", name, written, content)
		}
	}
}
