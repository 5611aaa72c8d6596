package finding

import "testing"

func TestOthersAreCountedAndNotNamed(t *testing.T) {
	for want, c := range map[string]struct {
		names  []string
		others int
	}{
		"":                               {},
		"shop/a, shop/b":                 {names: []string{"shop/a", "shop/b"}},
		"2 of other tenants":             {others: 2},
		"shop/a, and 1 of other tenants": {names: []string{"shop/a"}, others: 1},
	} {
		if got := AndOthers(c.names, c.others); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
