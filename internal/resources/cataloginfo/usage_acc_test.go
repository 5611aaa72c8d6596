package cataloginfo_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// A platform engineer sees how much space images take in the pool, and which of them are not
// needed. The provider removes what is certainly not needed, and the engineer decides about the
// rest.
func TestAccCatalogTellsWhatImagesTake(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("stock")
	pool, directory := host.Pool(t, name)
	image := tfacc.EmptyImage(t, "16M")
	config := func(versions ...string) string {
		it := tfconfig.Template{Name: "it"}
		c := tfconfig.Render(tfconfig.Provider{Pool: pool}, it)
		depends := "novacron_template.it"
		for _, version := range versions {
			label := "v" + strings.ReplaceAll(version, ".", "_")
			v := tfconfig.Release(version, image).Of(it)
			v.Label = label
			c += v.String()
			depends += ", novacron_template_version." + label
		}
		return c + "data \"novacron_catalog\" \"it\" {\n  depends_on = [" + depends + "]\n}\n"
	}
	is := func(attribute string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.novacron_catalog.it", tfjsonpath.New(attribute), check)
	}
	number, text := knownvalue.Int64Exact, knownvalue.StringExact
	// qcow2's tables take some clusters of 64 KiB, regardless of the image's content
	took := func(n int64) knownvalue.Check {
		return knownvalue.Int64Func(func(v int64) error {
			if v < n<<20 || v > n<<20+1<<20 {
				return fmt.Errorf("%d bytes, want some more than %d MiB", v, n)
			}
			return nil
		})
	}
	const stray, young = "nova.base.stray.raw", "nova.base.young.raw"
	leave := func() {
		h, err := libvirt.New(libvirt.Options{URI: host.URI})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		since := time.Now().Add(-2 * time.Hour)
		digest := "sha256:" + strings.Repeat("ab", 32)
		if _, err := poolstore.New(h, pool).Bases().Create(t.Context(), catalog.BaseKey(digest), catalog.Base{
			Digest:      digest,
			State:       catalog.BaseReady,
			Format:      "raw",
			Volume:      "nova.base.unused.raw",
			UnusedSince: &since,
		}); err != nil {
			t.Fatal(err)
		}
		for _, volume := range []string{"nova.base.unused.raw", stray, young} {
			host.Virsh(t, "vol-create-as", pool, volume, "3M")
		}
		host.Exec(t, "touch", "-d", "2 hours ago", directory+"/"+stray, directory+"/nova.base.unused.raw")
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		Steps: []resource.TestStep{
			{Config: config("1.0.0", "1.1.0"), ConfigStateChecks: []statecheck.StateCheck{
				is("version_count", number(2)), is("stored_image_count", number(1)), is("stored_image_bytes", took(0)),
				is("unused_image_count", number(0)), is("unused_image_bytes", number(0)),
				is("stray_volumes", knownvalue.ListSizeExact(0)),
			}},
			{PreConfig: leave, Config: config("1.0.0", "1.1.0"), ConfigStateChecks: []statecheck.StateCheck{
				is("image_count", number(1)), is("stored_image_count", number(2)), is("stored_image_bytes", took(3)),
				is("unused_image_count", number(1)), is("unused_image_bytes", number(3<<20)),
				is("stray_volumes", knownvalue.ListExact([]knownvalue.Check{text(stray)})),
				is("volume_count", knownvalue.Int64Func(func(n int64) error {
					if there := len(strings.Fields(host.Exec(t, "ls", directory))); int(n) != there {
						return fmt.Errorf("%d volumes, want %d", n, there)
					}
					return nil
				})),
			}},
			{Config: config("1.0.0", "1.1.0", "2.0.0"), ConfigStateChecks: []statecheck.StateCheck{
				is("stored_image_count", number(1)), is("unused_image_count", number(0)),
				is("unused_image_bytes", number(0)),
				is("stray_volumes", knownvalue.ListExact([]knownvalue.Check{text(stray)})),
			}, Check: tfacc.OnHost(func() {
				for _, volume := range []string{stray, young} { // it is unknown which tenant needs them
					host.Virsh(t, "vol-delete", volume, "--pool", pool)
				}
			})},
		},
	})
}
