package fleet

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

const (
	marker   = "what the guest has written"
	markerAt = 3 << 20 // in the volume of the disk
	dataDisk = "nova.disk.default.it.data.qcow2"
	system   = "nova.disk.default.it.system.qcow2"
)

// movable is the request of an instance that runs and has a disk for data.
func movable() kind.Request {
	r, size := request("it", 1024), int64(1)
	r.Storage = &profile.Storage{Disks: map[string]profile.Disk{"system": {}, "data": {SizeGB: &size}}}
	r.Running, r.Autostart = true, true
	return r
}

// created creates the instance on a host. Its guest writes the marker.
func (w *world) created(t *testing.T, on string) kind.Instance {
	t.Helper()
	i, has, err := create(t.Context(), w.process(), movable(), strictly(on))
	if err != nil || has != on {
		t.Fatal(has, err)
	}
	w.upload(t, on, dataDisk, marker, markerAt)
	w.uuid = i.UUID
	return i
}

// upload writes a text into a volume.
func (w *world) upload(t *testing.T, on, volume, text string, at int64) {
	t.Helper()
	conn := must.Get[host.Transfer](t)(w.hosts[on].OpenTransfer(t.Context()))
	defer conn.Close()
	err := conn.Upload(t.Context(), thePool, volume, strings.NewReader(text), at, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
}

// apply does what an apply does whose configuration wants the instance, which was last seen on a host, to run
// where it may be. It returns the host that has it.
func apply(ctx context.Context, f *Fleet, on, uuid string, w Where) (string, error) {
	return applyBy(ctx, f, on, uuid, w, false)
}

// applyBy is apply by a live move, or by another one.
func applyBy(ctx context.Context, f *Fleet, on, uuid string, w Where, live bool) (string, error) {
	i, m, err := f.Read(ctx, on, uuid)
	if err != nil {
		return on, err
	}
	b, err := m.BlueprintOf(ctx, i, movable())
	if err != nil {
		return m.Name, err
	}
	c := provision.Change{Blueprint: &b, AllowRestart: true, Options: movable().Options}
	if f.Allows(w, m) {
		_, err = f.Update(ctx, m, i, c, Where{Group: w.Group, Apart: w.Apart, Strict: w.Strict})
	} else {
		_, m, err = f.Move(ctx, m, i, w, c, live)
	}
	return m.Name, err
}

// only allows these hosts.
func only(hosts ...string) Where { return Where{Hosts: hosts} }

// strictly allows these hosts, for an instance of a strict group.
func strictly(hosts ...string) Where { return Where{Hosts: hosts, Group: "web", Strict: true} }

// applied ends the test unless the next apply brings the instance to a host.
func (w *world) applied(t *testing.T, last, uuid, to, when string) {
	t.Helper()
	if on, err := applyBy(t.Context(), w.process(), last, uuid, strictly(to), w.live); err != nil || on != to {
		t.Fatalf("%s, it is on %s, %v", when, on, err)
	}
}

// guarded makes sure, from now on, that no guest is started while another host runs one of the same UUID.
func (w *world) guarded(t *testing.T) {
	for name := range w.hosts {
		w.inject(t, name, nil)
	}
}

// inject makes requests of a host fail; nil for none.
func (w *world) inject(t *testing.T, name string, fault func(fakehost.Call) fakehost.Fault) {
	w.hosts[name].Inject = func(c fakehost.Call) fakehost.Fault {
		w.runsOn(t, name, c)
		if c.Method == "StartDomain" {
			for other, h := range w.hosts {
				if other != name && slices.Contains(h.Guests(), c.Object) {
					t.Errorf("the guest is started on host %s while it runs on host %s", name, other)
				}
			}
		}
		if fault == nil {
			return fakehost.Fault{}
		}
		return fault(c)
	}
}

// runsOn makes sure that a guest that moves while it runs is never switched off or started again.
func (w *world) runsOn(t *testing.T, name string, c fakehost.Call) {
	if !w.live || c.Object != w.uuid ||
		!slices.Contains([]string{"StartDomain", "ShutdownDomain", "DestroyDomain"}, c.Method) {
		return
	}
	elsewhere := false
	for other, h := range w.hosts {
		elsewhere = elsewhere || other != name && slices.Contains(h.Guests(), c.Object)
	}
	if c.Method != "DestroyDomain" || !elsewhere {
		t.Errorf("%s on host %s", c.Method, name)
	}
}

// isOn checks that the instance is whole on one host, where it runs, and that no other host has anything of it.
func (w *world) isOn(t *testing.T, on, uuid, when string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if got, want := w.placements(t), "it on "+on+" (placed)"; !slices.Contains(got, want) {
		t.Errorf("%s, the placements are %q, want %q", when, got, want)
	}
	w.apart(t, when)
	if got, want := w.claimed(t, "it"), "web by host: "+on; got != want && got != " by : " { // of no group
		t.Errorf("%s, it claims %q, want %q", when, got, want)
	}
	for name, h := range w.hosts {
		volumes := slices.DeleteFunc(must.Get[[]string](t)(h.VolumeNames(ctx, thePool)), func(v string) bool {
			return !strings.Contains(v, ".default.it.") || strings.HasSuffix(v, ".json")
		})
		if name != on {
			if got := w.domains(t, name); slices.Contains(got, "it") || len(volumes) > 0 {
				t.Errorf("%s, host %s has %q and %q", when, name, got, volumes)
			}
			continue
		}
		d := must.Get[host.Domain](t)(h.Domain(ctx, uuid))
		if d.Name != "it" || !slices.Equal(h.Guests(), []string{uuid}) || !d.Autostart ||
			strings.Contains(d.Metadata, "moving") {
			t.Errorf("%s, it is %+v", when, d)
		}
		if want := []string{
			"nova.console.default.it.log", dataDisk, system, "nova.seed.default.it.iso",
		}; !slices.Equal(slices.Sorted(slices.Values(volumes)), want) {
			t.Errorf("%s, its volumes are %q", when, volumes)
		}
		data := must.Get[[]byte](t)(h.ReadVolumeAt(ctx, thePool, dataDisk, markerAt, int64(len(marker))))
		if !bytes.Equal(data, []byte(marker)) {
			t.Errorf("%s, its disk has %q", when, data)
		}
		v := must.Get[host.Volume](t)(h.Volume(ctx, thePool, system))
		if v.Backing == nil {
			t.Fatalf("%s, its disk stands on nothing: %+v", when, v)
		}
		if _, err := h.Volume(ctx, thePool, v.Backing.Path[strings.LastIndexByte(v.Backing.Path, '/')+1:]); err != nil {
			t.Errorf("%s, its disk stands on %q: %v", when, v.Backing.Path, err)
		}
	}
}
