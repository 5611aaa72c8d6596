package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// CheckHost reports what a blueprint of the instance of that name asks for and the host does not
// have.
func (p *Planner) CheckHost(ctx context.Context, name string, b kind.Blueprint) (finding.List, error) {
	driver, err := p.kinds.of(b.Type)
	if err != nil {
		return nil, err
	}
	return driver.Check(ctx, name, b)
}

// Compare compares an instance, as its host has it, with a blueprint. The findings report what the
// instance cannot have at all.
func (p *Planner) Compare(ctx context.Context, i kind.Instance, b kind.Blueprint) (kind.Diff, finding.List, error) {
	driver, err := p.kinds.of(i.Type)
	if err != nil {
		return kind.Diff{}, nil, err
	}
	d, fs, err := driver.Compare(ctx, i, b)
	if err != nil {
		return d, fs, err
	}
	if i.Renamed() && driver.Capabilities().Rename {
		d.Restarts = slices.Insert(d.Restarts, 0, kind.Restart{At: finding.At("domain_name"),
			Why: fmt.Sprintf("The domain was "+
				"renamed to %q, and only a domain that is switched off can be renamed.", i.DomainName)})
	}
	if !driver.Capabilities().HotPlug {
		d.WithoutHotPlug(driver.Capabilities().Grow)
	}
	return d, fs, nil
}

// CompareForReimage is Compare for an instance that is to get the system disk of another version:
// that disk has no size to keep, and what works at first boot works once more. A container keeps
// its init and its privileges.
func (p *Planner) CompareForReimage(
	ctx context.Context, i kind.Instance, b kind.Blueprint,
) (kind.Diff, finding.List, error) {
	i.Facts.Customized.Digest = b.Told()
	is := i.Facts.Container
	b.Note(&i.Facts)
	if told := i.Facts.Container; is != nil && told != nil {
		note := *told
		note.System, note.Privileged = is.System, is.Privileged
		i.Facts.Container = &note
	}
	d, fs, err := p.Compare(ctx, i, b)
	system := finding.At("storage_profile").Name("disks").Key(b.Drives[0].Name)
	fs = slices.DeleteFunc(fs, func(f finding.Finding) bool {
		return f.Path.String() == system.String() || f.Path.String() == system.Name("size_gb").String()
	})
	return d, fs, err
}

// Drift returns the attributes in which the host's instance differs from its blueprint.
func (p *Planner) Drift(i kind.Instance, b kind.Blueprint) []kind.Drift {
	driver, err := p.kinds.of(i.Type)
	if err != nil {
		return nil
	}
	return driver.Drift(i, b)
}

// Overrides are what an instance has beyond the version that it was made from.
func (p *Planner) Overrides(ctx context.Context, i kind.Instance, v catalog.Version) (kind.Overrides, error) {
	driver, err := p.kinds.of(i.Type)
	if err != nil {
		return kind.Overrides{}, err
	}
	return driver.Overrides(ctx, i, v)
}
