package provision

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Change is what an instance shall become.
type Change struct {
	Description string
	Blueprint   *kind.Blueprint // nil leaves machine and devices as they are
	// AllowRestart lets a running guest be restarted for a change that it does not take while it runs.
	AllowRestart bool
	kind.Options
}

// Update changes an instance in place. A running guest gets and loses devices while it runs, and is
// shut down gracefully and started again for changes that it does not take otherwise; all other
// changes leave it alone. Update does not touch what only another instance could have, and refuses
// it if it is what a container is.
func (p *Provisioner) Update(ctx context.Context, uuid string, c Change) (kind.Instance, error) {
	defer p.forget()
	instance, err := p.Read(ctx, uuid)
	if err != nil {
		return instance, err
	}
	if err := p.library.Images.UsePool(ctx); err != nil {
		return instance, err
	}
	if instance.Facts.Provision.Runner != "" { // that process may have died, but the instance is in a state
		p.unconfirmed.Add(uuid)
	}
	driver, err := p.kinds.of(instance.Type)
	if err != nil {
		return instance, err
	}
	var diff kind.Diff
	if c.Blueprint != nil {
		var findings finding.List
		if diff, findings, err = p.Compare(ctx, instance, *c.Blueprint); err != nil {
			return instance, err
		} else if len(findings) > 0 {
			return instance, findings
		}
	}
	name := instance.Facts.Name
	if err := refuseOther(name, diff); err != nil {
		return instance, err
	}
	if err := driver.Clean(ctx, instance); err != nil {
		return instance, fmt.Errorf("removing what was the system disk of instance %q: %w", name, err)
	}
	// The plan has reported this already, unless the instance has changed since.
	if diff.Restart() && instance.Running() && c.Running && !c.AllowRestart {
		return instance, finding.List{{Path: diff.Restarts[0].At, Summary: "Change requires a restart",
			Detail: fmt.Sprintf("Since it was planned, "+
				"instance %q has changed: it needs a restart now, which allow_restart = false forbids. Plan again.",
				name)}}
	}
	if err := p.grow(ctx, driver, instance, c.Blueprint); err != nil {
		return instance, fmt.Errorf("changing instance %q: %w", name, err)
	}
	if err := p.redefine(ctx, driver, instance, c, diff); err != nil {
		return instance, fmt.Errorf("changing instance %q: %w", name, err)
	}
	if c.Autostart != instance.Autostart {
		if err := driver.Domains().SetAutostart(ctx, uuid, c.Autostart); err != nil {
			return instance, err
		}
	}
	running, err := p.adjust(ctx, driver, instance, c, diff)
	if err != nil {
		return instance, err
	}
	if err := driver.Apply(ctx, instance, diff, running); err != nil {
		return instance, err
	}
	if c.Running && (diff.Restart() || !instance.AsAsked()) {
		if err := p.bringUp(ctx, driver, instance, c); err != nil {
			return instance, err
		}
	}
	return p.noteLeft(ctx, driver, uuid, c.Blueprint)
}

// refuseOther refuses to turn a container into one of other privileges, or with another init. The
// plan has reported or replaced this already, unless the instance has changed since.
func refuseOther(name string, diff kind.Diff) error {
	var fs finding.List
	for _, at := range diff.Replaces {
		if at[0].Name == "container" {
			fs.Add(at, "Change requires a new instance", fmt.Sprintf("Only another instance can have another %s than "+
				"instance %q was created with. Plan again. Nothing was changed.", at, name))
		}
	}
	return fs.Err()
}

// adjust stops, resumes and renames a guest as far as the change of its devices requires.
func (p *Provisioner) adjust(
	ctx context.Context, driver kind.Driver, i kind.Instance, c Change, diff kind.Diff,
) (running bool, err error) {
	name := i.Facts.Name
	running = i.Running()
	if running && (diff.Restart() || !c.Running) {
		running = false
		if err := driver.Stop(ctx, i.UUID, kind.HalfTime(ctx)); err != nil {
			return running, fmt.Errorf("stopping instance %q: %w", name, err)
		}
	} else if c.Running && i.State == host.StatePaused { // a paused guest releases no device
		if err := driver.Domains().ResumeDomain(ctx, i.UUID); err != nil {
			return running, fmt.Errorf("resuming instance %q: %w", name, err)
		}
	}
	if i.Renamed() && !running && driver.Capabilities().Rename {
		if err := rename(ctx, driver.Domains(), i); err != nil {
			return running, fmt.Errorf("changing instance %q: %w", name, err)
		}
	}
	return running, nil
}

// bringUp starts a guest, and waits until it is ready.
func (p *Provisioner) bringUp(ctx context.Context, driver kind.Driver, i kind.Instance, c Change) error {
	first := i.Facts.Customized.Pending && !i.Running()
	before, err := driver.Start(ctx, i)
	if err == nil && first {
		err = p.begin(ctx, driver.Domains(), i.UUID)
	}
	if err != nil {
		return fmt.Errorf("starting instance %q: %w", i.Facts.Name, err)
	}
	conditions := c.WaitFor
	if c.WaitDefault && c.Blueprint != nil {
		conditions = driver.Awaits(*c.Blueprint)
	}
	if err := driver.Ready(ctx, i, before, conditions, first); err != nil {
		return err
	}
	if c.Blueprint != nil && driver.Capabilities().Forget && slices.Contains(c.WaitFor, kind.WaitCloudInit) {
		return p.clearSecretsLater(ctx, driver, i.UUID, *c.Blueprint)
	}
	return nil
}

// begin records that the guest has begun its first boot. This start reports how that boot went,
// whether it succeeds or fails.
func (p *Provisioner) begin(ctx context.Context, domains host.Domains, uuid string) error {
	return step.Completed(ctx, func(ctx context.Context) error {
		domain, err := domains.DomainWith(ctx, uuid, host.Status{})
		if err != nil {
			return err
		}
		facts, err := p.factsOf(domain)
		if err != nil {
			return err
		}
		facts.Customized.Pending = false
		return writeFacts(ctx, domains, uuid, facts)
	})
}

// clearSecretsLater clears the secrets of an instance that was created stopped, or that was not
// ready in time.
func (p *Provisioner) clearSecretsLater(ctx context.Context, driver kind.Driver, uuid string, b kind.Blueprint) error {
	i, err := p.Read(ctx, uuid)
	if err != nil || !i.Facts.SecretSeed {
		return err
	}
	if err := driver.Forget(ctx, i, b); err != nil {
		return err
	}
	i.Facts.SecretSeed = false
	return writeFacts(ctx, driver.Domains(), uuid, i.Facts)
}

// redefine writes the changes into the domain's definition in one go, except for its devices.
func (p *Provisioner) redefine(
	ctx context.Context, driver kind.Driver, i kind.Instance, c Change, d kind.Diff,
) error {
	facts := i.Facts
	description, exact := metadata.Described(c.Description)
	facts.Description = exact
	facts.Labels, facts.Protected = metadata.Pairs(c.Labels), c.DeletionProtection
	facts.Moving, facts.Arrived = "", false // the note of a move that is over
	if i.Running() {
		facts.Customized.Pending = false // it was started for the first time by other means
	}
	if facts.Provision.Completed == nil { // its user accepts it as it is
		completed := now()
		facts.Provision.Completed = &completed
	}
	if c.Blueprint != nil {
		facts.Addressing = kind.Addressing(i.NICs, c.Blueprint.NICs)
		if driver.Capabilities().Reconfigure { // the guest is told again
			facts.Addressing = metadata.NoteAddressing(c.Blueprint.NICs)
		}
	}
	if d.Tells { // noted again once the change is complete
		facts.Container = facts.Container.Untold()
	}
	// recorded before they are there, because the definition may not have their names
	facts.MACs = noteAdded(facts.MACs, d.Devices.AddNICs)
	// recorded before the first volume exists, so that a removal of the instance finds it
	for _, disk := range d.Devices.AddDisks {
		if disk.Pool != "" && !slices.Contains(facts.Pools, disk.Pool) {
			facts.Pools = append(slices.Clone(facts.Pools), disk.Pool)
		}
	}
	metadata, err := facts.Marshal()
	if err != nil {
		return err
	}
	change := host.DomainChange{Description: &description, Metadata: &metadata}
	return driver.Redefine(ctx, i, c.Blueprint, change)
}

// noteAdded notes the MAC addresses of interfaces that are about to be added, as far as they are known.
func noteAdded(notes []metadata.MACNote, added []profile.NIC) []metadata.MACNote {
	for _, nic := range added {
		if nic.MAC == "" {
			continue
		}
		notes = slices.DeleteFunc(slices.Clone(notes), func(n metadata.MACNote) bool {
			return n.Interface == nic.Name || strings.EqualFold(n.MAC, nic.MAC) // which it has taken over
		})
		notes = append(notes, metadata.MACNote{Interface: nic.Name, MAC: nic.MAC})
	}
	return notes
}

// rename gives a domain that is off the instance's name again.
func rename(ctx context.Context, domains host.Domains, i kind.Instance) error {
	name := naming.Domain(i.Facts.Tenant, i.Facts.Name)
	err := domains.RenameDomain(ctx, i.UUID, name)
	if errors.Is(err, host.ErrExists) {
		return fmt.Errorf("the domain of instance %q was renamed to %q, and its name was given to another "+
			"domain: rename or remove that one: %w",
			i.Facts.Name, i.DomainName, err)
	}
	return err
}

// noteLeft reads an instance that was changed to a blueprint (nil: not its devices), and records
// how it was left.
func (p *Provisioner) noteLeft(
	ctx context.Context, driver kind.Driver, uuid string, b *kind.Blueprint,
) (kind.Instance, error) {
	i, err := p.Read(ctx, uuid)
	if err != nil {
		return i, err
	}
	sizes, cards, told := i.Facts.Sizes, i.Facts.MACs, i.Facts.Parameters
	had := i.Facts.Container
	if b != nil {
		sizes, cards = metadata.SizesOf(b.Drives), metadata.NoteMACs(i.NICs)
		if driver.Capabilities().Reconfigure { // the guest has been told these
			told = metadata.Settings(b.Shown)
		}
		b.Note(&i.Facts)
	}
	if i.Facts.Shape == i.Shape && slices.Equal(i.Facts.Sizes, sizes) && slices.Equal(i.Facts.MACs, cards) &&
		slices.Equal(i.Facts.Parameters, told) && reflect.DeepEqual(i.Facts.Container, had) {
		return i, nil
	}
	i.Facts.Shape, i.Facts.Sizes, i.Facts.MACs, i.Facts.Parameters = i.Shape, sizes, cards, told
	return i, writeFacts(ctx, driver.Domains(), uuid, i.Facts)
}
