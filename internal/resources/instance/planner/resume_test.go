package planner

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// A plan looks for a warm snapshot on the host that gets the instance, and on none while it does not know
// that host.
func TestASnapshotIsLookedForOnTheHostOfTheInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := map[string]*fakehost.Host{"home": fakehost.New(), "other": fakehost.New()}
		store := poolstore.New(hosts["home"], volumes.DefaultPool)
		at := func(name string, documents imagestore.Documents) *imagestore.Store {
			return imagestore.New(imagestore.Options{
				Host: hosts[name], Pool: volumes.DefaultPool, Documents: documents, Tenant: naming.DefaultTenant,
				Site: name,
			})
		}
		home := at("home", store)
		other := at("other", imagestore.Elsewhere(store, naming.DefaultTenant,
			poolstore.New(hosts["other"], volumes.DefaultPool)))
		web := catalog.Template{
			ID: catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "web"}, Type: catalog.TypeVM,
		}
		must.Get[host.Pool](t)(hosts["home"].CreateDirPool(t.Context(), volumes.DefaultPool, "/novacron"))
		must.Value(store.Templates().Create(t.Context(), web.ID.String(), web))
		l := library.New(library.Options{Images: home, Others: []*imagestore.Store{other}, Store: store, User: "ann"})
		var members []*fleet.Member
		for name, images := range map[string]*imagestore.Store{"home": home, "other": other} {
			members = append(members, &fleet.Member{Name: name, Provisioner: provision.New(provision.Settings{
				Host: hosts[name], Library: l.At(images),
				Kinds: func(s kind.Site) []kind.Driver { return []kind.Driver{vm.New(s, "qemu")} },
			})})
		}
		session := &face.Session{Library: l, Fleet: fleet.New(fleet.Options{
			Members: members, Home: "home", Library: l, Placements: store.Placements(), Clock: store.Now,
			Pools: store.ResourcePools(),
		})}
		b := kind.Blueprint{
			Strategy: "instantiate", Drives: []profile.Drive{{}},
			Version: catalog.Version{ID: web.ID.Version("1.0.0"), Warm: &catalog.Warm{}},
		}
		for on, asked := range map[types.String]string{
			types.StringUnknown(): "", types.StringValue("home"): "home", types.StringValue("other"): "other",
		} {
			looked := map[string]bool{}
			for name, h := range hosts {
				h.Inject = func(c fakehost.Call) fakehost.Fault {
					if c.Method == "Info" { // a snapshot is of the host's QEMU
						looked[name] = true
					}
					return fakehost.Fault{}
				}
			}
			var diags diag.Diagnostics
			p := planner{session: session, plan: &model.Instance{PlacedOn: on}, diags: &diags}
			p.warnResume(t.Context(), b)
			if diags.HasError() {
				t.Errorf("of an instance on %s: %v", on, diags)
			}
			if got := slices.Sorted(maps.Keys(looked)); strings.Join(got, "") != asked {
				t.Errorf("of an instance on %s, the hosts %q are asked", on, got)
			}
		}
	})
}
