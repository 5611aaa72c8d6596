package catalog

import (
	"slices"
	"testing"
)

func TestSearching(t *testing.T) {
	made := func(tenant, name string, edit func(*Template)) Template {
		template := Template{ID: TemplateID{tenant, name}, Type: TypeVM, Owner: "ann"}
		if edit != nil {
			edit(&template)
		}
		return template
	}
	all := []Template{
		made("shop", "web", func(t *Template) {
			t.Labels = map[string]string{"os": "linux", "tier": "1"}
			t.DisplayName = "Ubuntu Server"
		}),
		made("shop", "db", func(t *Template) {
			t.Owner, t.State, t.Public = "bob", Deprecated, true
			t.Labels = map[string]string{"os": "linux", "empty": ""}
		}),
		made("shop", "wip", func(t *Template) { t.State, t.Access.WriteUsers = Draft, []string{"ann"} }),
		made("bank", "vault", func(t *Template) {
			t.Access.ReadTenants = []string{"shop"}
			t.Description = "Über-secure"
		}),
		made("bank", "open", func(t *Template) { t.Public, t.State = true, Archived }),
		made("bank", "both", func(t *Template) { t.Public, t.Access.UseTenants = true, []string{"shop"} }),
		made("bank", "secret", nil),
	}
	for name, c := range map[string]struct {
		filter Filter
		who    Principal
		want   []string
	}{
		"all of ann":         {Filter{}, of("shop", "ann"), []string{"web", "db", "wip", "vault", "open", "both"}},
		"all of kim":         {Filter{}, of("shop", "kim"), []string{"web", "db", "vault", "open", "both"}},
		"all of a stranger":  {Filter{}, of("mill", "ann"), []string{"db", "open", "both"}},
		"own":                {Filter{Visibility: Own}, of("shop", "ann"), []string{"web", "db", "wip"}},
		"shared":             {Filter{Visibility: Shared}, of("shop", "ann"), []string{"vault", "both"}},
		"public":             {Filter{Visibility: Public}, of("shop", "ann"), []string{"db", "open", "both"}},
		"shared with others": {Filter{Visibility: Shared}, of("bank", "ann"), nil},
		"drafts":             {Filter{State: Draft}, of("shop", "ann"), []string{"wip"}},
		"nobody's drafts":    {Filter{State: Draft}, of("shop", "kim"), nil},
		"active":             {Filter{State: Active}, of("shop", "ann"), []string{"web", "vault", "both"}},
		"owner":              {Filter{Owner: "bob"}, of("shop", "ann"), []string{"db"}},
		"type":               {Filter{Type: "container"}, of("shop", "ann"), nil},
		"label": {Filter{Labels: map[string]string{"os": "linux"}}, of("shop", "ann"),
			[]string{"web", "db"}},
		"labels": {Filter{Labels: map[string]string{"os": "linux", "tier": "1"}}, of("shop", "ann"),
			[]string{"web"}},
		"a label of nothing":   {Filter{Labels: map[string]string{"empty": ""}}, of("shop", "ann"), []string{"db"}},
		"text in a name":       {Filter{Text: "WE"}, of("shop", "ann"), []string{"web"}},
		"in what it is called": {Filter{Text: "ubuntu s"}, of("shop", "ann"), []string{"web"}},
		"in what is said":      {Filter{Text: "über"}, of("shop", "ann"), []string{"vault"}},
		"in the tenant":        {Filter{Text: "bank"}, of("shop", "ann"), nil},
		"all at once": {Filter{Type: TypeVM, State: Deprecated, Text: "d", Visibility: Own, Owner: "bob"},
			of("shop", "ann"), []string{"db"}},
	} {
		var got []string
		for _, template := range all {
			if c.filter.Match(template, c.who) {
				got = append(got, template.ID.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
