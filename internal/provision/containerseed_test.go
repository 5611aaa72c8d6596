package provision

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// A system that changes in place keeps what its template's cloud_init says.
func TestASystemIsToldItsCloudInitAgain(t *testing.T) {
	root := rootTar(t, "system")
	onDocks(t, func(t *testing.T, s *testSite) {
		ctx := t.Context()
		id := catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "system"}
		system, yes := settings.SystemInit, true
		must.Get[catalog.Template](t)(s.lib.CreateTemplate(ctx, catalog.Template{
			ID: id, Type: catalog.TypeContainer, Spec: catalog.Spec{
				VM:         catalog.VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\nbootcmd: [echo]\n"}},
				Containers: catalog.Containers{Container: &settings.Settings{Init: &system, Privileged: &yes}},
			},
		}))
		must.Get[catalog.Version](t)(s.lib.RegisterVersion(ctx, library.VersionRequest{
			ID: id.Version("1.0.0"), Source: file.Source{Path: root},
		}))
		r := contained("linked_clone")
		r.Template = id
		r.WaitDefault, r.WaitFor = false, []string{kind.WaitRunning, kind.NoReport} // nothing runs cloud-init here
		i := s.made(t, r)
		two, path := int64(2), "/more"
		r.Storage.Disks["more"] = profile.Disk{SizeGB: &two, MountPath: &path}
		s.applied(t, i.UUID, r)
		config, _ := s.toldContainer(t)
		if got := string(config.Seed["vendor-data"]); len(config.Disks) != 2 || !strings.Contains(got, "bootcmd") {
			t.Errorf("with the disks %+v, cloud-init is told %q", config.Disks, got)
		}
		must.Get[kind.Instance](t)(s.p.Read(ctx, i.UUID))
		s.remove(t, i.UUID)
	})
}
