package provision

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// docks is a library on a real host with a template of containers, box, whose version 1.0.0 is busybox.
type docks struct {
	*testing.T
	site *acctest.Host
	conn *libvirt.Conn
	pool string
	lib  *library.Library
	p    *Provisioner

	versions []string
}

var boxTemplate = catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "box"}

// everyKind are the drivers of all kinds.
func everyKind(s kind.Site) []kind.Driver {
	return []kind.Driver{vm.New(s, "qemu"), container.New(s, novainit.Program)}
}

func openDocks(t *testing.T) *docks {
	t.Helper()
	d := &docks{T: t, site: acctest.RequireHost(t)}
	d.pool, _ = d.site.Pool(t, "docks-"+strings.ToLower(rand.Text()[:8]))
	d.conn = must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: d.site.URI}))
	t.Cleanup(func() { d.conn.Close() })
	d.lib, d.p = d.process(d.conn)
	t.Cleanup(d.clear)
	must.Get[catalog.Template](t)(d.lib.CreateTemplate(t.Context(), catalog.Template{
		ID: boxTemplate, Type: catalog.TypeContainer, Spec: catalog.Spec{
			Parameters: map[string]parameter.Parameter{
				"greeting": {Type: parameter.TypeString, Default: new("hello")},
			},
			Containers: catalog.Containers{Container: &settings.Settings{
				Command: []string{"/bin/sh", "-c", "echo \"$GREETING\"; exec sleep 100000"},
				Env:     map[string]string{"GREETING": "{{ .greeting }}"},
			}},
		},
	}))
	d.register("1.0.0", nil)
	return d
}

// process is the library and the provisioner as another process has them.
func (d *docks) process(conn *libvirt.Conn) (*library.Library, *Provisioner) {
	store := poolstore.New(conn, d.pool)
	l := library.New(library.Options{
		Images: imagestore.New(imagestore.Options{
			Host: conn, Pool: d.pool, Documents: store, Tenant: naming.DefaultTenant,
		}),
		Store: store, User: "tester",
	})
	return l, New(Settings{Host: conn, Library: l, Kinds: everyKind})
}

// register registers a version whose image has further files.
func (d *docks) register(version string, files map[string]string) {
	d.Helper()
	d.versions = append(d.versions, version)
	must.Get[catalog.Version](d.T)(d.lib.RegisterVersion(d.Context(), library.VersionRequest{
		ID: boxTemplate.Version(version), Source: file.Source{Path: novainit.Root(d, files)},
	}))
}

// clear removes what is left once all instances are gone.
func (d *docks) clear() {
	ctx := context.WithoutCancel(d.Context())
	for _, version := range d.versions {
		if err := d.lib.RemoveVersion(ctx, boxTemplate.Version(version)); err != nil {
			d.Error(err)
		}
	}
	if err := d.lib.DeleteTemplate(ctx, boxTemplate); err != nil {
		d.Error(err)
	}
	for _, name := range must.Get[[]string](d.T)(d.conn.VolumeNames(ctx, d.pool)) {
		if naming.IsInit(name) {
			if err := d.conn.DeleteVolume(ctx, d.pool, name); err != nil {
				d.Error(err)
			}
		}
	}
}

// request is a container that sleeps.
func (d *docks) request(name string, strategy catalog.Strategy) kind.Request {
	return kind.Request{
		Name: d.pool + "-" + name, Template: boxTemplate, Version: "1.0.0", Strategy: strategy,
		Hardware: &profile.Hardware{MemoryMB: new(int64(64))},
		Options:  kind.Options{Running: true, WaitDefault: true},
	}
}

// create creates an instance, which is removed at the end of the test.
func (d *docks) create(r kind.Request) (kind.Instance, error) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), time.Minute)
	defer cancel()
	i, _, err := d.p.Create(ctx, r, func(kind.Instance, Record) {})
	if i.UUID != "" {
		d.Cleanup(func() {
			ctx := context.WithoutCancel(d.Context())
			if err := d.p.Delete(ctx, 10*time.Second, i.UUID, naming.DefaultTenant, r.Name, hostid.ID{}); err != nil {
				d.Error(err)
			}
		})
	}
	return i, err
}

// shell has the container run a script.
func shell(r kind.Request, script string) kind.Request {
	r.Container = &settings.Settings{Command: []string{"/bin/sh", "-c", script}}
	return r
}

// remove removes an instance.
func (d *docks) remove(i kind.Instance) {
	d.Helper()
	err := d.p.Delete(d.Context(), 10*time.Second, i.UUID, naming.DefaultTenant, i.Facts.Name, hostid.ID{})
	if err != nil {
		d.Fatal(err)
	}
}

// change changes an instance to what a request asks for, and returns the reasons for a restart.
func (d *docks) change(i kind.Instance, r kind.Request) (after kind.Instance, restarts []string) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), time.Minute)
	defer cancel()
	now := must.Get[kind.Instance](d.T)(d.p.Read(ctx, i.UUID))
	b := must.Get[kind.Blueprint](d.T)(d.p.BlueprintOf(ctx, now, r))
	diff, wrong, err := d.p.Compare(ctx, now, b)
	if err != nil || len(wrong) > 0 || len(diff.Replaces) > 0 {
		d.Fatalf("it needs another instance: %v, %v, %v", diff.Replaces, wrong, err)
	}
	for _, reason := range diff.Restarts {
		restarts = append(restarts, reason.At.String())
	}
	after, err = d.p.Update(ctx, i.UUID, Change{Blueprint: &b, AllowRestart: true, Options: r.Options})
	if err != nil {
		d.Fatal(err)
	}
	again, wrong, err := d.p.Compare(ctx, after, must.Get[kind.Blueprint](d.T)(d.p.BlueprintOf(ctx, after, r)))
	if err != nil || len(wrong)+len(again.Restarts)+len(again.Replaces)+len(again.Grows) > 0 || !again.Devices.None() {
		d.Errorf("after the change it differs by %+v, %v, %v", again, wrong, err)
	}
	return after, restarts
}

// says waits until a container has written a text, as it has the log. It returns the log.
func (d *docks) says(r kind.Request, text string) string {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), 20*time.Second)
	defer cancel()
	for {
		log := d.log(r)
		if strings.Contains(log, text) {
			return log
		}
		if kind.Pause(ctx, kind.Poll) != nil {
			d.Fatalf("it has not written %q, but %.4000q", text, log)
		}
	}
}

// log is what a container has written.
func (d *docks) log(r kind.Request) string {
	d.Helper()
	name := naming.Log(naming.DefaultTenant, r.Name)
	return string(must.Get[[]byte](d.T)(d.conn.ReadVolumeAt(d.Context(), d.pool, name, 0, 16<<20)))
}

// volumes are those of an instance.
func (d *docks) volumes(r kind.Request) (names []string) {
	d.Helper()
	ctx := context.WithoutCancel(d.Context())
	if err := d.conn.RefreshPool(ctx, d.pool); err != nil {
		d.Fatal(err)
	}
	for _, name := range must.Get[[]string](d.T)(d.conn.VolumeNames(ctx, d.pool)) {
		for _, prefix := range naming.InstancePrefixes(naming.DefaultTenant, r.Name) {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
	}
	return names
}
