package container

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// quay is a pool of a host with containers that mount nova-init.
type quay struct {
	*testing.T
	*fakehost.Host
	*Driver
}

func newQuay(t *testing.T) *quay {
	t.Helper()
	h := fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
	return &quay{t, h, another(h)}
}

// another is the driver of another process.
func another(h host.Host) *Driver {
	offers := inventory.New(h)
	return New(kind.Site{
		Host: h, Inventory: offers, Tenant: "t1", Volumes: volumes.New(h, offers, "lib", nil),
		Networks: network.New(h, offers, nil),
	}, someInit)
}

// add makes a container as a create does, which has found nova-init under that name.
func (q *quay) add(name, program string) host.Domain {
	q.Helper()
	disk := naming.ContainerDisk("t1", name, upperKind, "")
	for _, volume := range []string{naming.Status("t1", name), disk} {
		q.create(volume)
	}
	return must.Get[host.Domain](q.T)(q.Containers().DefineContainer(q.Context(), host.ContainerSpec{
		Name: "t1." + name, Filesystems: []host.Filesystem{
			{Kind: host.FilesystemImage, Source: "/lib/" + disk, Target: rootTarget},
			programAt("/lib/" + program),
			{Kind: host.FilesystemFile, Source: "/lib/" + naming.Status("t1", name), Target: statusTarget},
		},
	}))
}

// remove removes a container as a destroy does.
func (q *quay) remove(d *Driver, c host.Domain) {
	q.Helper()
	_, name, _ := strings.Cut(c.Name, ".")
	err := d.volumes.RemoveAll(q.Context(), "t1", name, []string{"lib"})
	if err == nil {
		err = d.Domains().UndefineDomain(q.Context(), c.UUID)
	}
	if err != nil {
		q.Error(err)
	}
}

// has expects the pool to have those builds of nova-init.
func (q *quay) has(names ...string) {
	q.Helper()
	all := must.Get[[]string](q.T)(q.VolumeNames(q.Context(), "lib"))
	all = slices.DeleteFunc(all, func(name string) bool { return !naming.IsInit(name) })
	slices.Sort(all)
	slices.Sort(names)
	if !slices.Equal(all, names) {
		q.Errorf("the pool has %q, want %q", all, names)
	}
}

// provided makes sure that the pool has nova-init.
func (q *quay) provided() string {
	q.Helper()
	pool := must.Get[host.Pool](q.T)(q.Pool(q.Context(), "lib"))
	must.Get[string](q.T)(q.inits.path(q.Context(), pool))
	return someName()
}

// earlier writes the nova-init of an earlier provider.
func (q *quay) earlier() string {
	q.Helper()
	name := naming.Init("1d8a3d3ac6c0b5a2cfc25e0aee9d0d9cd2a1e3f2b0f6ba8c4cb6b3b3e1b1d7a0", "amd64", 1)
	q.create(name)
	return name
}

func (q *quay) create(volume string) {
	q.Helper()
	must.Get[host.Volume](q.T)(q.CreateVolume(q.Context(), "lib", host.VolumeSpec{
		Name: volume, Format: "raw", Capacity: 4096,
	}))
}

func TestNovaInitGoesWithTheLastContainer(t *testing.T) {
	q := newQuay(t)
	name, old := q.provided(), q.earlier()
	web, db := q.add("web", name), q.add("db", name)
	q.remove(q.Driver, web)
	q.has(name, old)
	q.remove(q.Driver, db)
	q.has()
}

// Containers that go at once are each other's last.
func TestNovaInitGoesWithManyContainersAtOnce(t *testing.T) {
	q := newQuay(t)
	name := q.provided()
	var all []host.Domain
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		all = append(all, q.add(n, name))
	}
	var group sync.WaitGroup
	for n, c := range all {
		d := q.Driver
		if n%2 == 1 {
			d = another(q.Host)
		}
		group.Go(func() { q.remove(d, c) })
	}
	group.Wait()
	q.has()
}

func TestTheNovaInitOfAnEarlierProviderGoesWithItsLastContainer(t *testing.T) {
	q := newQuay(t)
	name, old := q.provided(), q.earlier()
	q.add("new", name)
	one, other := q.add("one", old), q.add("other", old)
	q.remove(q.Driver, one)
	q.has(name, old)
	q.remove(q.Driver, other)
	q.has(name)
}

// While containers use this provider's nova-init, no removal lists them all.
func TestRemovalsDoNotListContainers(t *testing.T) {
	q := newQuay(t)
	name := q.provided()
	q.add("a", name)
	q.remove(q.Driver, q.add("b", name))
	before := q.Calls()
	q.remove(q.Driver, q.add("c", name))
	few := q.Calls() - before
	for _, n := range []string{"d", "e", "f", "g", "h", "i"} {
		q.add(n, name)
	}
	c := q.add("j", name)
	before = q.Calls()
	q.remove(q.Driver, c)
	if many := q.Calls() - before; many > few {
		t.Errorf("it takes %d requests where there are two containers, and %d where there are eight", few, many)
	}
}

// A create has found nova-init, and then another process removes its last container.
func TestACreateThatHasFoundNovaInitKeepsIt(t *testing.T) {
	for _, when := range []string{"before its volumes", "before it starts", "while it starts"} {
		t.Run(when, func(t *testing.T) {
			q := newQuay(t)
			name := q.provided()
			last := q.add("last", name)
			if when == "before its volumes" {
				q.remove(another(q.Host), last)
				q.has()
			}
			c := q.add("new", name)
			if when != "before its volumes" {
				q.remove(another(q.Host), last)
				q.has(name) // its volumes show that it is there
				if err := q.DeleteVolume(t.Context(), "lib", name); err != nil {
					t.Fatal(err)
				}
			}
			if when != "while it starts" {
				if err := q.provide(t.Context(), c.UUID, programOf(c)); err != nil {
					t.Fatal(err)
				}
				q.has(name)
			}
			if err := q.run(t.Context(), c.UUID, programOf(c)); err != nil {
				t.Error(err)
			}
			q.has(name)
		})
	}
}

// The container comes between the removal's two looks at the pool.
func TestARemovalWritesNovaInitAgainIfAContainerHasCome(t *testing.T) {
	q := newQuay(t)
	name := q.provided()
	last := q.add("last", name)
	q.remove(another(&hooked{q.Host, func(volume string) {
		if naming.IsInit(volume) {
			q.add("new", name)
		}
	}}), last)
	q.has(name)
}

// hooked calls a function before a volume is deleted.
type hooked struct {
	*fakehost.Host
	deletes func(volume string)
}

func (h *hooked) DeleteVolume(ctx context.Context, pool, name string) error {
	h.deletes(name)
	return h.Host.DeleteVolume(ctx, pool, name)
}

// A container whose nova-init no longer exists anywhere gets this provider's.
func TestAContainerOfAnEarlierProviderStartsWithoutItsNovaInit(t *testing.T) {
	q := newQuay(t)
	old := q.earlier()
	c := q.add("old", old)
	if err := q.DeleteVolume(t.Context(), "lib", old); err != nil {
		t.Fatal(err)
	}
	if err := q.run(t.Context(), c.UUID, programOf(c)); err != nil {
		t.Fatal(err)
	}
	now := must.Get[host.Domain](t)(q.Containers().Domain(t.Context(), c.UUID))
	if now.State != host.StateRunning || programOf(now) != "/lib/"+someName() {
		t.Errorf("it is %s, with %s", now.State, programOf(now))
	}
}

// What access rules leave to an administrator stays.
func TestARemovalLeavesNovaInitThatItMayNotDelete(t *testing.T) {
	q := newQuay(t)
	name := q.provided()
	c := q.add("web", name)
	if err := q.volumes.RemoveAll(t.Context(), "t1", "web", []string{"lib"}); err != nil {
		t.Fatal(err)
	}
	q.Inject = func(c fakehost.Call) fakehost.Fault {
		if c.Method == "DeleteVolume" {
			return fakehost.Fault{Before: host.ErrDenied}
		}
		return fakehost.Fault{}
	}
	if err := q.Domains().UndefineDomain(t.Context(), c.UUID); err != nil {
		t.Error(err)
	}
	q.Inject = nil
	q.has(name)
}
