package metadata

import (
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

func TestAnInstanceKeepsWhatItWasMadeOf(t *testing.T) {
	shop := catalog.TemplateID{Tenant: "shop", Name: "web"}
	v := catalog.Version{ID: shop.Version("1.1.0"), Digest: "sha256:00", VirtualSize: 2 << 30, Spec: catalog.Spec{
		Hardware: &profile.Hardware{MemoryMB: new(int64(512))},
		Parameters: map[string]parameter.Parameter{
			"port": {Type: parameter.TypeInteger, Default: new("80"), Description: `"<&>"`},
		},
		VM: catalog.VM{CloudInit: &cloudinit.Config{UserData: "secret"}},
	}}
	frozen, err := Freeze(v)
	if err != nil {
		t.Fatal(err)
	}
	element, err := Facts{
		Tenant:   "bank",
		Name:     "it",
		Template: shop.String(),
		Version:  "1.1.0",
		Digest:   v.Digest,
		Frozen:   frozen,
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	facts, err := Parse(element)
	if err != nil {
		t.Fatal(err)
	}
	got, found, err := facts.FrozenVersion()
	v.Spec.CloudInit = nil // the guest has it
	if err != nil || !found || !reflect.DeepEqual(got, v) {
		t.Errorf("kept %+v, %v, %v", got, found, err)
	}
}

func TestWhatAnInstanceDoesNotKeepIsNotFound(t *testing.T) {
	if _, found, err := (Facts{Template: "shop/web"}).FrozenVersion(); found || err != nil {
		t.Errorf("of an older instance: %v, %v", found, err)
	}
	for name, frozen := range map[string]Frozen{
		"no base64": "%", "not deflated": "AAAA", "torn": "q1YqLkgtTFayUqrmUoAAAA==",
	} {
		_, found, err := Facts{Tenant: "bank", Name: "it", Template: "shop/web", Frozen: frozen}.FrozenVersion()
		if found || err == nil || !strings.Contains(err.Error(), "bank/it") {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

func FuzzFrozen(f *testing.F) {
	f.Add("q1YqLkgtTFayUqrmUoAAAA==")
	f.Fuzz(func(t *testing.T, text string) {
		v, found, err := Facts{Tenant: "a", Name: "b", Template: "shop/web", Frozen: Frozen(text)}.FrozenVersion()
		if err == nil && found {
			if _, err := Freeze(v); err != nil {
				t.Errorf("what was read cannot be written: %v", err)
			}
		}
	})
}
