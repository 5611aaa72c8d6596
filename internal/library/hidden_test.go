package library

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// What a state has and its user may not see, though it is there, is neither forgotten nor said to be removed.
func TestWhatIsHiddenIsNotGone(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := shared(t, m, catalog.AccessControl{ReadUsers: []string{"ann"}})
	bob := m.as(t, "shop", "bob")
	for name, err := range map[string]error{
		"destroying a template": bob.DeleteTemplate(ctx, web), "destroying a version": bob.RemoveVersion(ctx, web.Version("1.2.0")),
		"reading a template": bob.LostTemplate(ctx, web), "reading a version": bob.LostVersion(ctx, web.Version("1.2.0")),
	} {
		findings, ok := errors.AsType[catalog.Findings](err)
		if !ok || findings[0].Summary != "May not be read any more" || !strings.Contains(findings[0].Detail, `"bob"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must[catalog.Template](t)(ann.UpdateTemplate(ctx, web, func(t *catalog.Template) {
		t.Access = catalog.AccessControl{WriteUsers: []string{"ann"}}
	}))
	if err := bob.LostVersion(ctx, web.Version("1.3.0")); err == nil {
		t.Error("somebody else's draft is forgotten")
	}
	if err := bob.LostVersion(ctx, web.Version("9.0.0")); err != nil {
		t.Errorf("a version that is gone: %v", err)
	}
	if err := bob.LostTemplate(ctx, catalog.TemplateID{Tenant: "shop", Name: "not"}); err != nil {
		t.Errorf("a template that is gone: %v", err)
	}
	must[catalog.Template](t)(ann.Template(ctx, web))
}

// To another tenant, what is hidden and what was never there are told apart by nothing.
func TestAStateOfAnotherTenantLearnsNothing(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	shared(t, m, catalog.AccessControl{})
	tom, never := m.as(t, "bank", "tom"), catalog.TemplateID{Tenant: "shop", Name: "not"}
	for name, ask := range map[string]func(catalog.TemplateID) error{
		"template": func(id catalog.TemplateID) error { return tom.LostTemplate(ctx, id) },
		"version":  func(id catalog.TemplateID) error { return tom.LostVersion(ctx, id.Version("1.2.0")) },
	} {
		hidden, absent := ask(web), ask(never)
		if hidden == nil || absent == nil || strings.ReplaceAll(hidden.Error(), web.String(), never.String()) != absent.Error() {
			t.Errorf("%s: hidden %v, absent %v", name, hidden, absent)
		}
	}
}

// The end of a request is recorded, though somebody has taken it for failed and removed it meanwhile.
func TestTheEndOfARequestOutlivesRetention(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := m.as(t, "shop", "ann")
	rec := must[catalog.Record[catalog.ProvisioningRequest]](t)(ann.BeginRequest(ctx, catalog.ProvisioningRequest{
		ID: catalog.RequestID{ID: "r1"}, Instance: "web", Status: catalog.RequestRunning, CreatedAt: now(), Deadline: now(),
	}))
	if err := m.requests.Delete(ctx, rec.Key, rec.Revision); err != nil {
		t.Fatal(err)
	}
	rec.Value.Status = catalog.RequestCompleted
	if err := ann.EndRequest(ctx, rec); err != nil {
		t.Error(err)
	}
	listed := must[[]catalog.ProvisioningRequest](t)(ann.Requests(ctx, catalog.RequestFilter{}))
	if len(listed) != 1 || listed[0].Status != catalog.RequestCompleted {
		t.Errorf("listed: %+v", listed)
	}
}

// What is another tenant's by its name, or uses the same image, is counted in messages and not named.
func TestMessagesNameNothingOfOthers(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	for name, others := range map[string]bool{
		"nova.disk.bank.vault.system.qcow2": true, "nova.disk.shop.web.system.qcow2": false, "snapshot.qcow2": false, "nova.base.abc.qcow2": false,
	} {
		if got := l.othersVolume(name); got != others {
			t.Errorf("%s is another tenant's: %t", name, got)
		}
	}
	base := catalog.Base{Versions: []string{"bank/vault@1.0.0", "shop/web@1.0.0", "0123456789ab:bank/vault@2.0.0"}}
	if got := strings.Join(l.versionsOn(base), ", "); got != "shop/web@1.0.0, 2 of other tenants or catalogues" {
		t.Errorf("the users of an image are %s", got)
	}
}
