package provision

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Planner works out what requests mean, and what they would change.
type Planner struct {
	kinds     kinds
	library   *library.Library
	inventory *inventory.Inventory
	sightings *coalesce.Answers[string, sighting] // of snapshots, by their keys

	mu      sync.Mutex
	domains []string         // the names of the host's domains, as of when a plan first asked; nil before
	resumes map[string]int64 // the memory, in bytes, of the guests that this process resumes, by instance
}

// NewBlueprint decides what a request means with a version, and reports what is wrong with it. It
// asks no host, so that a plan can show all of it at once.
func (p *Planner) NewBlueprint(
	r kind.Request, template catalog.Template, version catalog.Version,
) (kind.Blueprint, finding.List) {
	b := kind.Blueprint{Version: version, Retold: r.Retold}
	b.Strategy = cmp.Or(r.Strategy, template.DefaultStrategy, strategy.Default().Name())
	declared := version.Spec.Parameters
	var fs finding.List
	b.Parameters, fs = parameter.Resolve(declared, r.Given)
	b.Shown = parameter.Shown(declared, b.Parameters, r.Given.Secrets)
	sound := len(fs) == 0
	hardware, storage := kind.Driven(version.Spec, b.Parameters)
	hardware, storage = r.Hardware.Over(hardware), r.Storage.Over(storage)
	network := r.Network.Over(version.Spec.Network)
	b.Hardware, b.NICs, b.Public = hardware, network.NICs(), network.Public()
	fs = append(fs, hardware.Validate()...)
	fs = append(fs, hardware.Missing()...)
	fs = append(fs, network.Validate()...)
	fs = append(fs, network.Missing()...)
	driver, err := p.kinds.of(template.Type)
	if err != nil {
		fs.Add(finding.At("template_id"), "Unknown type of template", finding.Sentence(err)+
			" Upgrade the provider, or use another template.")
		return b, append(fs, storage.Validate()...)
	}
	b.Type = driver.Type()
	var broken finding.List
	if b.Drives, broken = drives(driver, storage, version); len(broken) > 0 {
		fs = append(fs, broken...)
	}
	fs = append(fs, catalog.ValidateInstance(template.Type, version.Spec, catalog.Spec{
		Hardware:   r.Hardware,
		Network:    r.Network,
		Storage:    r.Storage,
		Containers: catalog.Containers{Container: r.Container},
	}, r.Undecided)...)
	fs = append(fs, p.checkPrivileges(r, template, version)...)
	fs = append(fs, kind.Unsupported(driver, r, version.Spec)...)
	fs = append(fs, driver.Decide(r, &b, sound)...)
	if r.WaitDefault {
		r.WaitFor = driver.Awaits(b)
	}
	if !r.Seeded {
		how, err := strategy.Of(b.Strategy)
		if err == nil && how.Resumes() && !r.Boots && len(fs) == 0 {
			fs = append(fs, catalog.WithoutUndecided(checkResume(driver, r, b), declared, b.Parameters, r.Hardware,
				r.Storage)...)
		}
		if err != nil {
			fs.Add(finding.At("strategy"), "Unknown strategy", finding.Sentence(err)+
				fmt.Sprintf(" Template %q names it as its "+
					"default: set strategy to one of these.", template.ID))
		}
	}
	fs = catalog.BlameDriven(fs, declared, b.Parameters, r.Hardware, r.Storage)
	addressed := slices.ContainsFunc(b.NICs, func(n profile.NIC) bool { return n.IP.Any() })
	if r.Running && slices.Contains(r.WaitFor, kind.WaitIP) && !addressed {
		fs.Add(finding.At("wait_for"), "No interface to wait for", "The instance has no network interface "+
			"with an address or DHCP, so it will never have one: add one, or remove \"ip\" from wait_for.")
	}
	return b, append(fs, checkMetadata(b, r)...)
}

// checkPrivileges refuses a new container that a template of another tenant makes root on the host,
// unless its user asks for that.
func (p *Planner) checkPrivileges(r kind.Request, template catalog.Template, version catalog.Version) finding.List {
	var fs finding.List
	tenant := template.ID.Tenant
	if !r.Seeded && !r.Undecided && catalog.GrantsPrivileges(version.Spec.Container, r.Container) &&
		tenant != p.library.Tenant() {
		fs.Add(finding.At("container").Name("privileged"), "Template of another tenant is privileged", fmt.Sprintf(
			"Root in a container of version %q is root on the host, and the tenant %q has decided that: set "+
				"container.privileged = true if you trust its image that much.", version.ID, tenant))
	}
	return fs
}

// drives are the disks of an instance, or what is wrong with them.
func drives(driver kind.Driver, storage *profile.Storage, v catalog.Version) ([]profile.Drive, finding.List) {
	if fs := storage.Validate(); len(fs) > 0 {
		return nil, fs
	}
	all, size := storage.Drives(), uint64(max(0, v.VirtualSize))
	var fs finding.List
	if driver.Capabilities().Overlay {
		size = kind.DefaultOverlay
	} else {
		fs = storage.CheckImage(v.VirtualSize)
	}
	if all[0].Size == 0 {
		all[0].Size = size
	}
	return all, fs
}

// Reconfigures reports whether instances of a type are told everything again at each start.
func (p *Planner) Reconfigures(of string) bool {
	driver, err := p.kinds.of(of)
	return err == nil && driver.Capabilities().Reconfigure
}

// ForgetsSecrets reports whether guests of templates of a type read their secrets only once, so that
// these can leave the host afterwards.
func (p *Planner) ForgetsSecrets(of string) bool {
	driver, err := p.kinds.of(of)
	return err == nil && driver.Capabilities().Forget
}

// Blueprint is NewBlueprint for a new instance, with the catalog and the host as they are now.
// Anything wrong or not allowed is returned as catalog.Findings.
func (p *Planner) Blueprint(ctx context.Context, r kind.Request) (kind.Blueprint, error) {
	template, version, err := p.library.Usable(ctx, r.Template.Version(r.Version))
	if err != nil {
		return kind.Blueprint{}, err
	}
	return p.checked(ctx, r, template, version)
}

// BlueprintOf is NewBlueprint for a change of an instance. It uses what the instance was made from,
// even if its template and version have changed or gone since. It returns catalog.ErrNotFound if
// neither the metadata nor the catalog has that any more.
func (p *Planner) BlueprintOf(ctx context.Context, i kind.Instance, r kind.Request) (kind.Blueprint, error) {
	version, found, err := i.Facts.FrozenVersion()
	if err != nil {
		return kind.Blueprint{}, err
	}
	r.Seeded = true
	template := catalog.Template{ID: r.Template, Type: i.Type, DefaultStrategy: i.Facts.Strategy}
	if !found { // the instance was created before the metadata kept it
		if template, err = p.library.Template(ctx, r.Template); err != nil {
			return kind.Blueprint{}, err
		}
		template.Type = i.Type // of a template of that name that is another one, too
		if version, err = p.library.Version(ctx, r.Template.Version(r.Version)); err != nil {
			return kind.Blueprint{}, err
		}
	}
	return p.checked(ctx, r, template, version)
}

// checked is NewBlueprint, but fails if the request has mistakes or the host lacks something.
func (p *Planner) checked(
	ctx context.Context, r kind.Request, template catalog.Template, version catalog.Version,
) (kind.Blueprint, error) {
	b, findings := p.NewBlueprint(r, template, version)
	if len(findings) == 0 {
		lacking, err := p.CheckHost(ctx, r.Name, b)
		if err != nil {
			return b, err
		}
		findings = lacking
	}
	return b, findings.Err()
}
