package kindtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// holding names the volumes of the instance that hold a text.
func (i *instance) holding(text string) (found []string) {
	i.Helper()
	for _, name := range i.volumes() {
		data, err := i.Host.ReadVolume(i.ctx, i.Pool.Name, name, 64<<20)
		i.done(err)
		if bytes.Contains(data, []byte(text)) {
			found = append(found, name)
		}
	}
	return found
}

// reads expects an instance to read the same again, and its shape to show changes made by other
// means.
func reads(i *instance) {
	_, made := i.made(i.request())
	again := i.read()
	if made.Shape == "" || again.Shape != made.Shape || again.UUID != i.uuid || again.DomainName != made.DomainName {
		i.Errorf("it was %+v, and is %+v", made, again)
	}
	if macs := again.MACs(); len(macs) != 1 || macs["eth0"] == "" {
		i.Errorf("its MAC addresses are %v", macs)
	}
	i.done(i.Driver.Stop(i.ctx, i.uuid, 0))
	if off := i.read(); off.Shape != made.Shape || off.Running() {
		i.Errorf("its shape depends on whether it runs: %+v", off)
	}
	change := host.DomainChange{RemoveDevice: host.InterfaceID("eth0")}
	if i.Container != nil {
		change = host.DomainChange{RemoveInterface: made.MACs()["eth0"]}
	}
	i.done(i.Driver.Domains().RedefineDomain(i.ctx, i.uuid, change))
	if changed := i.read(); changed.Shape == made.Shape {
		i.Error("an interface is gone, and the shape is the same")
	}
}

// overrides expects that what a version lacks of an instance creates the same instance from that
// version.
func overrides(i *instance) {
	b, made := i.made(i.request())
	o, err := i.Driver.Overrides(i.ctx, made, catalog.Version{VirtualSize: int64(i.Image.Volume.Capacity)})
	i.done(err)
	r := i.request()
	r.Hardware = o.Hardware
	same := b.Blueprint
	hardware, storage := kind.Driven(same.Version.Spec, nil)
	same.Hardware, same.NICs = r.Hardware.Over(hardware), o.Network.Over(nil).NICs()
	if same.Drives = o.Storage.Over(storage).Drives(); same.Drives[0].Size == 0 {
		same.Drives[0].Size = i.systemSize()
	}
	if wrong := i.Driver.Decide(r, &same, true); len(wrong) > 0 {
		i.Fatal(wrong)
	}
	names := func(drives []profile.Drive) (all []string) {
		for _, d := range drives {
			all = append(all, d.Name)
		}
		return all
	}
	if !slices.Equal(names(same.Drives), names(b.Blueprint.Drives)) {
		i.Errorf("its disks are %q, want %q", names(same.Drives), names(b.Blueprint.Drives))
	}
	diff, _, err := i.Driver.Compare(i.ctx, made, same)
	if err != nil || diff.Restart() || len(diff.Replaces) > 0 || !diff.Devices.None() {
		i.Errorf("by what it has beyond its version it differs: %+v, %v", diff, err)
	}
}

// changes expects devices to come, change and go, in a running guest if the kind can do that, and
// in one that is off.
func changes(i *instance) {
	b, made := i.made(i.request())
	less, more := b.Blueprint, b.Blueprint
	more.NICs = append(slices.Clone(more.NICs), profile.NIC{
		Name: "eth1", Model: more.NICs[0].Model, Network: more.NICs[0].Network, IP: profile.Addressing{DHCP: true},
	})
	more.Drives = append(slices.Clone(more.Drives), i.drive("more", gibibyte))
	more.Drives[1].Size = 2 * gibibyte
	less.Drives[1].Size = 2 * gibibyte // which no disk loses again
	apply := func(what string, want kind.Blueprint) {
		i.Helper()
		if wrong := i.Driver.Decide(i.request(), &want, true); len(wrong) > 0 {
			i.Fatal(wrong)
		}
		now := i.read()
		diff, wrong, err := i.Driver.Compare(i.ctx, now, want)
		if err != nil || len(wrong) > 0 || diff.Devices.None() {
			i.Fatalf("%s: %+v, %v, %v", what, diff, wrong, err)
		}
		facts := now.Facts // as provision notes them, before and after
		for _, nic := range diff.Devices.AddNICs {
			if nic.MAC != "" {
				facts.MACs = append(facts.MACs, metadata.MACNote{Interface: nic.Name, MAC: nic.MAC})
			}
		}
		i.note(facts)
		i.done(i.Driver.Apply(i.ctx, now, diff, now.Running()))
		want.Note(&facts)
		i.note(facts)
		i.same(what, want)
	}
	if i.Driver.Capabilities().HotPlug {
		apply("more, in a guest that runs", more)
		if now := i.read(); now.State != made.State || now.MACs()["eth0"] != made.MACs()["eth0"] ||
			len(now.Disks) != 3 {
			i.Errorf("it is %+v", now)
		}
	}
	i.done(i.Driver.Stop(i.ctx, i.uuid, 0))
	if i.Driver.Capabilities().HotPlug {
		apply("less, in one that is off", less)
	}
	apply("more, in one that is off", more)
	before := i.volumes()
	apply("less again", less)
	if after := i.volumes(); len(after) != len(before)-1 {
		i.Errorf("of the volumes %q there are left %q", before, after)
	}
	shrunk := less
	shrunk.Drives = slices.Clone(less.Drives)
	shrunk.Drives[1].Size = gibibyte
	if _, wrong, err := i.Driver.Compare(i.ctx, i.read(), shrunk); err != nil || len(wrong) != 1 ||
		!strings.Contains(wrong[0].Path.String(), "data") {
		i.Errorf("a disk that is to shrink: %v, %v", wrong, err)
	}
}

// note changes the metadata of the instance.
func (i *instance) note(facts metadata.Facts) {
	i.Helper()
	text, err := facts.Marshal()
	i.done(err)
	i.done(i.Driver.Domains().RedefineDomain(i.ctx, i.uuid, host.DomainChange{Metadata: &text}))
}

// redefines expects a change of the definition to be made together with what a blueprint changes of
// the machine.
func redefines(i *instance) {
	b, made := i.made(i.request())
	r := i.request()
	r.Hardware = &profile.Hardware{MemoryMB: new(int64(96))}
	want := i.blueprint(r)
	want.NICs, want.Drives = b.Blueprint.NICs, b.Blueprint.Drives
	diff, _, err := i.Driver.Compare(i.ctx, made, want)
	if err != nil || len(diff.Replaces) > 0 || !diff.Devices.None() {
		i.Errorf("more memory is %+v, %v", diff, err)
	}
	description, text := "another", i.metadata(b, "1.0.0")
	i.done(i.Driver.Redefine(i.ctx, made, &want, host.DomainChange{Description: &description, Metadata: &text}))
	i.done(i.Driver.Stop(i.ctx, i.uuid, 0))
	i.same("with more memory", want)
	if now := i.read(); now.Description != description || now.Shape == made.Shape {
		i.Errorf("it is %+v", now)
	}
	i.done(i.Driver.Redefine(i.ctx, i.read(), nil, host.DomainChange{Description: new("third")}))
	i.same("with another description alone", want)
}

// powers expects starting and stopping to be repeatable.
func powers(i *instance) {
	_, made := i.made(i.request())
	_, err := i.Driver.Start(i.ctx, made)
	i.done(err)
	if now := i.read(); !now.Healthy() {
		i.Errorf("started again, it is %s", now.State)
	}
	for range 2 {
		i.done(i.Driver.Stop(i.ctx, i.uuid, time.Second))
		if now := i.read(); now.Running() {
			i.Errorf("it is %s", now.State)
		}
	}
	_, err = i.Driver.Start(i.ctx, i.read())
	i.done(err)
	if now := i.read(); !now.Healthy() {
		i.Errorf("it is %s", now.State)
	}
}

// waits expects no wait for an empty list of conditions, and no pointless wait: neither for a guest
// that is off, nor after a cancel.
func waits(i *instance) {
	_, made := i.made(i.request())
	i.done(i.Driver.Ready(i.ctx, made, kind.Before{}, nil, false))
	cancelled, cancel := context.WithCancel(i.ctx)
	cancel()
	err := i.Driver.Ready(cancelled, made, kind.Before{}, []string{kind.WaitAgent}, false)
	if !errors.Is(err, context.Canceled) {
		i.Errorf("cancelled: %v", err)
	}
	i.done(i.Driver.Stop(i.ctx, i.uuid, 0))
	bounded, stop := context.WithTimeout(i.ctx, time.Minute)
	defer stop()
	err = i.Driver.Ready(bounded, made, kind.Before{}, []string{kind.WaitIP}, false)
	if err == nil || bounded.Err() != nil || !strings.Contains(err.Error(), i.name) || kind.Kept(err) == "" {
		i.Errorf("for a guest that is off: %v", err)
	}
}

// soon is a context for a change. Its guest may have no system, and so does not shut down when
// asked to.
func (i *instance) soon() context.Context {
	ctx, cancel := context.WithTimeout(i.ctx, 10*time.Second)
	i.Cleanup(cancel)
	return ctx
}

// renews expects another system disk for the same instance.
func renews(i *instance) {
	_, made := i.made(i.request())
	r := i.request()
	r.Version = "2.0.0"
	b := i.build(r)
	ctx := i.soon()
	for _, s := range i.Driver.Renew(b, made) {
		i.done(b.Do(ctx, s.Name, s.Do))
	}
	if between := i.read(); between.Running() || between.Disks[0].Path != made.Disks[0].Path {
		i.Errorf("before the swap it is %s on %s", between.State, between.Disks[0].Path)
	}
	i.done(i.Driver.Swap(i.ctx, b, i.metadata(b, "2.0.0")))
	after := i.read()
	if after.Facts.Version != "2.0.0" || after.Disks[0].Path == made.Disks[0].Path ||
		after.Disks[1].Path != made.Disks[1].Path ||
		after.UUID != made.UUID || after.MACs()["eth0"] != made.MACs()["eth0"] {
		i.Errorf("it was %+v, and is %+v", made, after)
	}
	before := i.volumes()
	for range 2 {
		i.done(i.Driver.Clean(i.ctx, after))
	}
	gone := 1
	if i.Driver.Capabilities().Overlay { // and the copy of the image
		gone = 2
	}
	if left := i.volumes(); len(left) != len(before)-gone {
		i.Errorf("of the volumes %q there are left %q", before, left)
	}
	_, err := i.Driver.Start(i.ctx, after)
	i.done(err)
	i.same("with another system disk", b.Blueprint)
}

// keepsItsDisk expects an instance whose renewal fails to have its old disk and to run as before.
func keepsItsDisk(i *instance) {
	b, made := i.made(i.request())
	before := i.volumes()
	r := i.request()
	r.Version = "2.0.0"
	again := i.build(r)
	ctx := i.soon()
	for _, s := range i.Driver.Renew(again, made) {
		i.done(again.Do(ctx, s.Name, s.Do))
	}
	failed := errors.New("no")
	if err := again.End(ctx, failed); err.Error() != failed.Error() {
		i.Errorf("undoing: %v", err)
	}
	if after := i.volumes(); !slices.Equal(after, before) {
		i.Errorf("of the volumes %q there are %q", before, after)
	}
	if now := i.read(); !now.Healthy() {
		i.Errorf("it is %s", now.State)
	}
	i.same("after a renewal that failed", b.Blueprint)
	i.done(i.Driver.Clean(i.ctx, i.read()))
	i.same("cleaned", b.Blueprint)
}

// findsNothing expects an instance that is gone to be reported as gone, and stopping or cleaning it
// to succeed.
func findsNothing(i *instance) {
	i.done(i.Driver.Stop(i.ctx, kind.RandomUUID(), time.Second))
	gone := kind.Instance{UUID: kind.RandomUUID(), Type: i.Driver.Type()}
	if _, err := i.Driver.Start(i.ctx, gone); !errors.Is(err, host.ErrNoDomain) {
		i.Errorf("starting: %v", err)
	}
	err := i.Driver.Redefine(i.ctx, gone, nil, host.DomainChange{Description: new("x")})
	if !errors.Is(err, host.ErrNoDomain) {
		i.Errorf("redefining: %v", err)
	}
	i.done(i.Driver.Clean(i.ctx, gone))
}
