package catalogstores

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
)

const (
	tenants = 50
	history = 100 // versions of each template
)

// templateID returns the id of the n-th template of the library.
func templateID(n int) catalog.TemplateID {
	return catalog.TemplateID{Tenant: fmt.Sprintf("tenant-%d", n%tenants), Name: fmt.Sprintf("server-%d", n)}
}

// versionID returns the id of the n-th version of a template: 0.0.0 to 9.4.1.
func versionID(id catalog.TemplateID, n int) catalog.VersionID {
	return id.Version(fmt.Sprintf("%d.%d.%d", n/10, n%10/2, n%2))
}

// fill creates a library with that many templates. It writes all records of a tenant at once.
func fill(ctx context.Context, store catalog.Store, templates int) error {
	for tenant := range min(tenants, templates) {
		group, ctx := errgroup.WithContext(ctx)
		for n := tenant; n < templates; n += tenants {
			t := template(n)
			group.Go(func() error {
				_, err := store.Templates().Create(ctx, t.ID.String(), t)
				return err
			})
			for v := range history {
				group.Go(func() error {
					v := version(t, v)
					_, err := store.Versions().Create(ctx, v.ID.String(), v)
					return err
				})
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// template returns the n-th template. It has 3 KB, most of which no other template has.
func template(n int) catalog.Template {
	random := rand.New(rand.NewPCG(uint64(n), 1)) // creates the same library each time
	published := time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC)
	t := catalog.Template{
		ID:              templateID(n),
		DisplayName:     words(random, 4),
		Description:     words(random, 20),
		Type:            catalog.TypeVM,
		Labels:          map[string]string{"os": "linux", "distro": []string{"debian", "ubuntu", "fedora"}[n%3]},
		DefaultStrategy: "linked_clone",
		Lifecycle:       catalog.Lifecycle{State: catalog.Active, PublishedAt: &published},
		Public:          n%10 == 0,
		Owner:           "platform",
		CreatedAt:       published,
		UpdatedAt:       published,
	}
	if n%10 == 1 {
		t.Access.UseTenants = []string{templateID(n + 1).Tenant}
	}
	t.Spec.Parameters = map[string]parameter.Parameter{}
	for p := range 8 {
		t.Spec.Parameters[fmt.Sprintf("parameter_%d", p)] = parameter.Parameter{
			Type: "string", Description: words(random, 10), Regex: "^[a-z][a-z0-9-]{0,62}$",
		}
	}
	t.Spec.CloudInit = &cloudinit.Config{UserData: "#cloud-config\n# " + words(random, 150)}
	return t
}

// version returns the n-th version of a template. Every tenth version has its own spec.
func version(t catalog.Template, n int) catalog.Version {
	id := versionID(t.ID, n)
	v := catalog.Version{
		ID:          id,
		Description: "Security patches " + id.Version,
		Lifecycle:   t.Lifecycle,
		Digest: fmt.Sprintf("sha256:%x",
			sha256.Sum256([]byte(id.String()))),
		Format:      "qcow2",
		VirtualSize: 40 << 30,
		StoredSize:  int64(n+1) << 20,
		Transferred: int64(n+1) << 20,
		Spec:        t.Spec,
		CreatedAt:   t.CreatedAt.Add(time.Duration(n) * time.Hour),
		CreatedBy:   "platform",
	}
	random := rand.New(rand.NewPCG(uint64(n/10), 2))
	v.Spec.CloudInit = &cloudinit.Config{UserData: t.Spec.CloudInit.UserData + words(random, 10)}
	return v
}

// words returns text that does not repeat itself.
func words(random *rand.Rand, n int) string {
	var text strings.Builder
	for range n {
		for range 3 + random.IntN(6) {
			text.WriteByte("etaoinshrdlucmfwypvbgkjqxz"[min(random.IntN(26), random.IntN(26))])
		}
		text.WriteByte(' ')
	}
	return text.String()
}
