package library

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// In the user's own tenant, gone and hidden things are told apart; of another tenant's things,
// nothing is disclosed.
func TestWhatIsHiddenIsNotGone(t *testing.T) {
	ctx, never := t.Context(), catalog.TemplateID{Tenant: "shop", Name: "not"}
	says := func(what string, err error, want string) {
		t.Helper()
		if _, ok := errors.AsType[finding.List](err); want == "" && err != nil || want != "" &&
			(!ok || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	m := &memory{}
	shared(t, m, catalog.AccessControl{ReadUsers: []string{"ann"}})
	m.version(t, catalog.Version{ID: web.Version("2.0.0"), Claim: &catalog.Claim{}})
	bob, tom := m.as(t, "shop", "bob"), m.as(t, "bank", "tom")
	for version, want := range map[string]string{
		"1.2.0": "read_users or read_groups", "1.3.0": "has become a draft", "2.0.0": "", "9.0.0": "",
	} {
		says("version "+version, bob.CheckVersionGone(ctx, web.Version(version)), want)
		says("removing version "+version, bob.RemoveVersion(ctx, web.Version(version)), want)
	}
	says("the template", bob.CheckTemplateGone(ctx, web), `Its owner "ann"`)
	says("removing the template", bob.DeleteTemplate(ctx, web), `Its owner "ann"`)
	for what, err := range map[string]error{
		"no template": bob.CheckTemplateGone(ctx, never), "removing no template": bob.DeleteTemplate(ctx, never),
		"no template's version": bob.CheckVersionGone(ctx, never.Version("1.0.0")),
	} {
		says(what, err, "")
	}
	for what, ask := range map[string]func(catalog.TemplateID) error{
		"template": func(id catalog.TemplateID) error { return tom.CheckTemplateGone(ctx, id) },
		"version":  func(id catalog.TemplateID) error { return tom.CheckVersionGone(ctx, id.Version("1.2.0")) },
	} {
		hidden, absent := ask(web), ask(never)
		says(what+" of another tenant", hidden, "Belongs to another tenant")
		says("no "+what+" of another tenant", absent, strings.ReplaceAll(hidden.Error(), web.String(), never.String()))
	}
	ann := m.as(t, "shop", "ann")
	if err := ann.CheckVersionGone(ctx, web.Version("1.3.0")); err == nil ||
		!strings.Contains(err.Error(), "Plan again") {
		t.Errorf("what can be seen again: %v", err)
	}
}
