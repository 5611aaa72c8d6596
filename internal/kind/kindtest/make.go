package kindtest

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// decides expects a blueprint to have a part that says what the guest is told.
func decides(i *instance) {
	if i.Driver.Type() == "" {
		i.Error("templates have no name for the kind")
	}
	b := i.blueprint(i.request())
	if b.Part == nil || b.Told() != "" || b.Reports() {
		i.Errorf("of a plain request the part is %+v; it tells %q and reports: %t", b.Part, b.Told(), b.Reports())
	}
	if can := i.Driver.Capabilities(); !can.Seed || can.Reconfigure {
		return
	}
	r := i.request()
	r.Customization = &guest.Customization{Timezone: "Europe/Berlin"}
	first := i.blueprint(r)
	r.Customization = &guest.Customization{Timezone: "UTC"}
	second := i.blueprint(r)
	if first.Told() == "" || first.Told() == second.Told() || !first.Reports() {
		i.Errorf("two customizations are told as %q and %q, reported: %t", first.Told(), second.Told(), first.Reports())
	}
	// An instance that was already told is not refused for what has become a mistake since.
	r.Customization, r.Seeded = &guest.Customization{Timezone: "?"}, true
	b = kind.Blueprint{Type: i.Driver.Type()}
	if wrong := i.Driver.Decide(r, &b, true); len(wrong) > 0 || b.Told() == "" {
		i.Errorf("of an instance that was told: %v, it tells %q", wrong, b.Told())
	}
}

// defines expects a domain with the name, UUID and metadata of the build, which is off; its name is
// a claim.
func defines(i *instance) {
	b := i.defined(i.request())
	d, err := i.Driver.Domains().DomainByName(i.ctx, naming.Domain(i.Tenant, i.name))
	if err != nil || d.UUID != b.UUID || d.State != host.StateShutoff || d.Metadata == "" {
		i.Errorf("the domain is %+v, %v", d, err)
	}
	if !reflect.DeepEqual(b.Defined, d) {
		i.Errorf("the build has as defined %+v, and the host has %+v", b.Defined, d)
	}
	read := i.read()
	if read.Facts.Name != i.name || read.Type != i.Driver.Type() || read.Running() ||
		len(read.NICs) != len(b.Blueprint.NICs) {
		i.Errorf("it reads as %+v", read)
	}
	second := i.build(i.request())
	second.UUID = kind.RandomUUID()
	second.ChooseMACs()
	if err := i.Driver.Define(i.ctx, second); !errors.Is(err, host.ErrExists) {
		i.Errorf("the name was claimed twice: %v", err)
	}
	if _, err := i.Driver.Domains().Domain(i.ctx, second.UUID); !errors.Is(err, host.ErrNoDomain) {
		i.Errorf("the second claim left a domain: %v", err)
	}
}

// makes expects stages that create volumes with the instance's names and start it.
func makes(i *instance) {
	b, made := i.made(i.request())
	if !made.Healthy() || len(made.Disks) != 2 || made.Disks[0].Name != "system" || made.Renamed() {
		i.Errorf("it is %+v", made)
	}
	volumes := i.volumes()
	if len(volumes) < len(made.Disks) {
		i.Errorf("its volumes are %q", volumes)
	}
	if has := slices.Contains(volumes, naming.Console(i.Tenant, i.name)); has != i.Driver.Capabilities().Console {
		i.Errorf("it has a console: %t", has)
	}
	for n, s := range b.Steps() {
		if s.Name == "" || slices.IndexFunc(b.Steps(), func(other step.Step) bool {
			return other.Name == s.Name
		}) != n {
			i.Errorf("its stages are %+v", b.Steps())
		}
	}
	i.same("just made", b.Blueprint)
	i.stopped()
}

// stopped expects an instance that is not to run to be created, and to be off.
func (i *instance) stopped() {
	i.remove()
	r := i.request()
	r.Running = false
	b, made := i.made(r)
	if made.Running() {
		i.Errorf("it is %s", made.State)
	}
	i.same("made stopped", b.Blueprint)
}

// undoes expects a build that fails after any of its stages to leave nothing.
func undoes(i *instance) {
	failed := errors.New("no")
	for fails := range i.Driver.Stages(i.build(i.request())) {
		b := i.defined(i.request())
		for n, s := range i.Driver.Stages(b) {
			if n > fails {
				break
			}
			i.done(b.Do(i.ctx, s.Name, s.Do))
		}
		if err := b.End(i.ctx, failed); err.Error() != failed.Error() {
			i.Errorf("undoing after stage %d: %v", fails, err)
		}
		if left := i.volumes(); len(left) > 0 {
			i.Errorf("after stage %d it left %q", fails, left)
		}
		i.remove()
		i.uuid = ""
	}
}

// isCancelled expects nothing to begin after a cancel.
func isCancelled(i *instance) {
	ctx, cancel := context.WithCancel(i.ctx)
	cancel()
	b := i.build(i.request())
	b.ChooseMACs()
	if err := i.Driver.Define(ctx, b); !errors.Is(err, context.Canceled) || step.MayBeDone(err) {
		i.Errorf("defining: %v, may be done: %t", err, step.MayBeDone(err))
	}
	if _, err := i.Driver.Domains().Domain(i.ctx, b.UUID); !errors.Is(err, host.ErrNoDomain) {
		i.Errorf("it was defined all the same: %v", err)
	}
}

// meetsVolumes expects a build that has claimed its name to replace volumes of that name that an
// earlier build has left, or its host has created late.
func meetsVolumes(i *instance) {
	b := i.defined(i.request())
	stages := i.Driver.Stages(b)
	i.done(b.Do(i.ctx, stages[0].Name, stages[0].Do))
	left := i.volumes()
	if len(left) == 0 {
		i.Fatal("the first stage makes no volume")
	}
	i.remove()
	i.uuid = ""
	for _, name := range left {
		_, err := i.Host.CreateVolume(i.ctx, i.Pool.Name, host.VolumeSpec{Name: name, Format: "raw", Capacity: 1})
		i.done(err)
	}
	again, made := i.made(i.request())
	if !made.Healthy() {
		i.Errorf("it is %s", made.State)
	}
	i.same("made over remains", again.Blueprint)
}

// confirms expects a build whose version was removed meanwhile to fail before the guest is started,
// and to be undone.
func confirms(i *instance) {
	gone := errors.New("the version is gone")
	b := i.defined(i.request())
	b.Confirm = func(context.Context) error { return gone }
	var err error
	for _, s := range i.Driver.Stages(b) {
		if err = b.Do(i.ctx, s.Name, s.Do); err != nil {
			break
		}
	}
	if err := b.End(i.ctx, err); !errors.Is(err, gone) {
		i.Errorf("got %v", err)
	}
	if left := i.volumes(); len(left) > 0 || i.read().Running() {
		i.Errorf("it left %q", left)
	}
}

// forgets expects no secret to be left in the instance's volumes, if the guest needs it only once.
func forgets(i *instance) {
	if !i.Driver.Capabilities().Forget {
		return
	}
	const secret = "correct horse battery staple"
	spec := catalog.Spec{
		Parameters: map[string]parameter.Parameter{"password": {Type: parameter.TypeString, Sensitive: true}},
		VM: catalog.VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\nwrite_files: [{path: /x, content: " +
			"{{ .password }}}]\n"}},
	}
	b := i.build(i.request())
	b.Blueprint.Version.Spec = spec
	b.Blueprint.Parameters = parameter.Values{"password": {Type: parameter.TypeString, Text: secret}}
	b.Blueprint.Shown = parameter.Values{}
	if wrong := i.Driver.Decide(b.Request, &b.Blueprint, true); len(wrong) > 0 {
		i.Fatal(wrong)
	}
	b.ChooseMACs()
	i.done(i.Driver.Define(i.ctx, b))
	i.uuid = b.UUID
	for _, s := range i.Driver.Stages(b) {
		i.done(b.Do(i.ctx, s.Name, s.Do))
	}
	if found := i.holding(secret); len(found) == 0 || !b.Blueprint.Secret() {
		i.Errorf("the guest was not told: %q", found)
	}
	i.done(i.Driver.Forget(i.ctx, i.read(), b.Blueprint))
	if found := i.holding(secret); len(found) > 0 {
		i.Errorf("the secret is left in %q", found)
	}
	if d, err := i.Driver.Domains().Domain(i.ctx, i.uuid); err != nil || d.Metadata == "" {
		i.Errorf("the domain is %+v, %v", d, err)
	}
}
