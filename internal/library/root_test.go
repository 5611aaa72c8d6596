package library

import (
	"errors"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// TestContainersOfTwoTenants registers one image with the templates of two tenants, in two forms.
func TestContainersOfTwoTenants(t *testing.T) {
	m, ctx, h := &memory{}, t.Context(), fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(ctx, "novacron", "/novacron"))
	im := ocitest.Shop(t, "amd64")
	layout := file.Source{Path: ocitest.Layout(t, im)}
	archive := file.Source{Path: imagetest.WriteFile(t, ocitest.Packed(t, layout.Path))}
	var registered []catalog.Version
	for _, c := range []struct {
		tenant string
		from   file.Source
	}{{"shop", layout}, {"bank", archive}} {
		l, id := m.on(t, h, c.tenant, "ann"), catalog.TemplateID{Tenant: c.tenant, Name: "box"}
		small := int64(1) // GiB, less than any image has; the disk lies over it
		must.Get[catalog.Template](t)(l.CreateTemplate(ctx, catalog.Template{
			ID: id, Type: catalog.TypeContainer,
			Spec: catalog.Spec{Storage: &profile.Storage{Disks: map[string]profile.Disk{"system": {SizeGB: &small}}}},
		}))
		v := must.Get[catalog.Version](t)(l.RegisterVersion(ctx, VersionRequest{
			ID: id.Version("1.0.0"), Source: c.from, VerifyFull: true,
		}))
		if v.Root == nil || !slices.Equal(v.Root.Entrypoint, []string{"/shop"}) || v.Root.Architecture != "amd64" ||
			v.Format != "raw" || v.ImageID() != v.Root.Identity {
			t.Errorf("%s has %+v", c.tenant, v)
		}
		registered = append(registered, v)
		_, err := l.RegisterVersion(ctx, VersionRequest{ID: id.Version("2.0.0"), Source: c.from, Parent: "1.0.0"})
		if fs, is := errors.AsType[finding.List](err); !is || fs[0].Path.String() != "parent_version" {
			t.Errorf("with a parent: %v", err)
		}
	}
	if first, second := registered[0], registered[1]; first.Digest != second.Digest || first.Transferred == 0 ||
		second.Transferred != 0 || first.Root.Identity != second.Root.Identity {
		t.Errorf("registered are %+v and %+v", first, second)
	}
}

// TestAnOrphanedContainerIsTakenOver registers what a dead process has registered, from the same image
// and from another one.
func TestAnOrphanedContainerIsTakenOver(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	l, id := m.as(t, "shop", "ann"), catalog.TemplateID{Tenant: "shop", Name: "box"}
	must.Get[catalog.Template](t)(l.CreateTemplate(ctx, catalog.Template{ID: id, Type: catalog.TypeContainer}))
	root := ocitest.Tar(t, ocitest.Dir("etc"), ocitest.File("etc/passwd", "root:x:0:0:::\n"))
	request := VersionRequest{ID: id.Version("1.0.0"), Source: file.Source{Path: imagetest.WriteFile(t, root)}}
	v := must.Get[catalog.Version](t)(l.RegisterVersion(ctx, request))
	_, err := catalog.Change(ctx, m.Versions(), v.ID.String(), func(v *catalog.Version) error {
		v.Maker = leasetest.Dead(t)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	other := request
	other.Source = file.Source{Path: imagetest.WriteFile(t, ocitest.Tar(t, ocitest.File("other", "file")))}
	if _, err := l.RegisterVersion(ctx, other); err == nil {
		t.Error("with another image, the version was taken over")
	}
	request.Source = file.Source{Path: imagetest.WriteFile(t, imagetest.Packed(t, "gzip", root))}
	taken := must.Get[catalog.Version](t)(l.RegisterVersion(ctx, request))
	if taken.Digest != v.Digest || taken.Root == nil || taken.Root.Identity != v.Root.Identity {
		t.Errorf("taken over as %+v", taken)
	}
}
