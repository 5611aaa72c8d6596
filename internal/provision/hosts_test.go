package provision

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/sharing"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent/agenttest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// hostsSite is a library on three hosts in memory. All that is registered is on kvm1.
type hostsSite struct {
	*testing.T
	machines map[string]*fakehost.Host
	// wrap stands in front of a host, for the processes that are opened afterwards.
	wrap     map[string]func(host.Host) host.Host
	database bool // the catalog is in none of the pools
	images   map[string]string
}

var siteHosts = []string{"kvm1", "kvm2", "kvm3"}

// aDatabase is a catalog that is in none of the pools, as one in a database. It has the documents of
// the images of one of them.
type aDatabase struct {
	*poolstore.Store
	bases     catalog.Collection[catalog.Base]
	snapshots catalog.Collection[catalog.Snapshot]
}

func (aDatabase) Kind() string                                      { return "database" }
func (d aDatabase) Bases() catalog.Collection[catalog.Base]         { return d.bases }
func (d aDatabase) Snapshots() catalog.Collection[catalog.Snapshot] { return d.snapshots }

// catalog is the site's catalog; home is the host of its first process.
func (s *hostsSite) catalog(home host.Host) imagestore.Catalog {
	documents := poolstore.New(home, sitePool)
	if !s.database {
		return documents
	}
	rows := poolstore.New(s.machines["database"], sitePool)
	as := sharing.Catalog{ID: rows.ID, Tenant: naming.DefaultTenant}
	return aDatabase{rows, as.Bases(documents.Bases()), as.Snapshots(documents.Snapshots())}
}

// onHosts runs a test with a library on several hosts, once for each place of its catalog. Its
// template web has the versions 1.0.0 and 2.0.0, with two images.
func onHosts(t *testing.T, test func(t *testing.T, s *hostsSite)) {
	t.Helper()
	for name, database := range map[string]bool{"catalog in a pool": false, "catalog in a database": true} {
		t.Run(name, func(t *testing.T) {
			images := map[string]string{
				"1.0.0": stressImage(t, 64<<10), "2.0.0": stressImage(t, 256<<10), "3.0.0": changedImage(t, 256<<10),
			}
			synctest.Test(t, func(t *testing.T) {
				s := &hostsSite{
					T: t, database: database, images: images,
					machines: map[string]*fakehost.Host{}, wrap: map[string]func(host.Host) host.Host{},
				}
				for _, name := range append([]string{"database"}, siteHosts...) {
					s.machines[name] = fakehost.New()
					for pool, path := range map[string]string{sitePool: "/pool", siteTier: "/fast"} {
						must.Get[host.Pool](t)(s.machines[name].CreateDirPool(t.Context(), pool, path))
					}
				}
				l := s.process()["kvm1"].lib
				must.Get[catalog.Template](t)(
					l.CreateTemplate(t.Context(), catalog.Template{ID: siteTemplate, Type: catalog.TypeVM}))
				for _, version := range []string{"1.0.0", "2.0.0"} {
					must.Get[catalog.Version](t)(l.RegisterVersion(t.Context(), library.VersionRequest{
						ID: siteTemplate.Version(version), Source: file.Source{Path: images[version]},
					}))
				}
				test(t, s)
			})
		})
	}
}

// changedImage is a stressImage of which the last block has other content.
func changedImage(t *testing.T, size int) string {
	t.Helper()
	path := stressImage(t, size)
	content := must.Get[[]byte](t)(os.ReadFile(path))
	copy(content[size-4096:], bytes.Repeat([]byte("changed "), 512))
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// process is the library as another process has it: for each of the hosts.
func (s *hostsSite) process() map[string]*testSite {
	var stores []*imagestore.Store
	var home imagestore.Catalog
	hosts := make([]host.Host, len(siteHosts))
	for n, name := range siteHosts {
		hosts[n] = s.machines[name]
		if wrap := s.wrap[name]; wrap != nil {
			hosts[n] = wrap(hosts[n])
		}
		o := imagestore.Options{Host: hosts[n], Pool: sitePool, Tenant: naming.DefaultTenant, Site: name}
		if n == 0 {
			home = s.catalog(hosts[n])
			o.Documents = home
		} else {
			o.Documents = imagestore.Elsewhere(home, naming.DefaultTenant, poolstore.New(hosts[n], sitePool))
		}
		stores = append(stores, imagestore.New(o))
	}
	l := library.New(library.Options{Images: stores[0], Others: stores[1:], Store: home, User: "tester"})
	l.Requests.Aside = func(tidy func()) { tidy() }
	sites := map[string]*testSite{}
	for n, name := range siteHosts {
		at := l.At(stores[n])
		sites[name] = &testSite{Host: s.machines[name], lib: at, p: New(Settings{
			Host: hosts[n], Library: at, Kinds: machines, StorageTiers: map[string]string{siteTier: siteTier},
		})}
	}
	return sites
}

// stored are the images' volumes in the pool of a host, without the maps of their blocks.
func (s *hostsSite) stored(name string) []string {
	s.Helper()
	names := must.Get[[]string](s.T)(s.machines[name].VolumeNames(context.WithoutCancel(s.Context()), sitePool))
	return slices.DeleteFunc(names, func(name string) bool {
		return !naming.IsBase(name) || naming.BaseOf(name) != name
	})
}

// document is the document that the pool of a host has of the image of a version, as stored.
func (s *hostsSite) document(name, version string) (catalog.Base, bool) {
	s.Helper()
	v := must.Get[catalog.Version](s.T)(s.process()["kvm1"].lib.Version(s.Context(), siteTemplate.Version(version)))
	rec, err := poolstore.New(s.machines[name], sitePool).Bases().Get(s.Context(), catalog.BaseKey(v.Digest))
	if catalog.IgnoreNotFound(err) != nil {
		s.Fatal(err)
	}
	return rec.Value, err == nil
}

// id is the id of the catalog.
func (s *hostsSite) id() string {
	s.Helper()
	at := "kvm1"
	if s.database {
		at = "database"
	}
	return must.Get[string](s.T)(poolstore.New(s.machines[at], sitePool).ID(s.Context()))
}

// create creates an instance on a host, and returns the steps of that.
func (s *hostsSite) create(on *testSite, r kind.Request) (kind.Instance, []string) {
	s.Helper()
	i, record, err := on.p.Create(s.Context(), r, func(kind.Instance, Record) {})
	if err != nil {
		s.Fatal(err)
	}
	return i, on.stepsOf(s.T, record)
}

// remove removes the version, and expects what users would be told.
func (s *hostsSite) remove(version string, says ...string) {
	s.Helper()
	err := s.process()["kvm1"].lib.RemoveVersion(s.Context(), siteTemplate.Version(version))
	for _, text := range says {
		if err == nil || !strings.Contains(err.Error(), text) {
			s.Errorf("removing %s: %v, want %q", version, err, text)
		}
	}
	if len(says) == 0 && err != nil {
		s.Errorf("removing %s: %v", version, err)
	}
}

func TestAnImageIsCopiedToTheHostThatNeedsIt(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		i, steps := s.create(on, on.request("linked_clone"))
		if want := "replicate"; len(steps) == 0 || steps[0] != want {
			t.Errorf("its steps are %q, want %q first", steps, want)
		}
		copied, _ := s.document("kvm2", "1.0.0")
		origin, _ := s.document("kvm1", "1.0.0")
		as := s.id() + ":" + siteTemplate.Version("1.0.0").String()
		if copied.Copy == nil || copied.State != catalog.BaseReady || !slices.Equal(copied.Versions, []string{as}) {
			t.Errorf("the copy is %+v, want it to list %q", copied, as)
		}
		if origin.Copy != nil || len(s.stored("kvm2")) != 1 || len(s.stored("kvm3")) != 0 {
			t.Errorf("the origin is %+v; there are %q and %q", origin, s.stored("kvm2"), s.stored("kvm3"))
		}
		if wants := ""; !s.database {
			wants = s.id()
			if i.Facts.Catalog != wants {
				t.Errorf("the instance is of the catalog %q, want %q", i.Facts.Catalog, wants)
			}
		}
		next := on.request("clone")
		next.Name = "second"
		second, steps := s.create(s.process()["kvm2"], next)
		if slices.Contains(steps, "replicate") || len(s.stored("kvm2")) != 1 {
			t.Errorf("with the image there, the steps are %q; there are %q", steps, s.stored("kvm2"))
		}
		if err := on.p.Delete(t.Context(), 0, second.UUID, naming.DefaultTenant, "second", hostid.ID{}); err != nil {
			t.Error(err)
		}

		s.remove("1.0.0", "default/web on kvm2")
		if counts := must.Get[map[string]int](t)(on.lib.InstanceCounts(t.Context(), siteTemplate)); counts["1.0.0"] != 1 {
			t.Errorf("there are %v instances", counts)
		}
		unsure := must.Get[[]string](t)(on.lib.ExpectRemoval(t.Context(), siteTemplate.Version("1.0.0")))
		if !slices.Equal(unsure, []string{"default/web on kvm2"}) {
			t.Errorf("a plan is unsure of %q", unsure)
		}
		err := on.lib.CheckState(t.Context(), siteTemplate, "1.0.0", catalog.Active, catalog.Draft)
		if err == nil || !strings.Contains(err.Error(), "default/web on kvm2") {
			t.Errorf("a version that has an instance became a draft: %v", err)
		}
		on.remove(t, i.UUID)
		for _, silent := range []string{"kvm2", "kvm3"} {
			s.machines[silent].Inject = func(fakehost.Call) fakehost.Fault {
				return fakehost.Fault{Before: host.ErrUnreachable}
			}
			s.remove("1.0.0", "anything on "+silent, host.ErrUnreachable.Error())
			s.machines[silent].Inject = nil
			if _, there := s.document("kvm1", "1.0.0"); !there || len(s.stored("kvm2")) != 1 {
				t.Errorf("while %s was silent, images have gone: %q", silent, s.stored("kvm2"))
			}
		}
		s.remove("1.0.0")
		if left := s.stored("kvm2"); len(left) > 0 || len(s.stored("kvm1")) != 1 {
			t.Errorf("left are %q, and %q at home", left, s.stored("kvm1"))
		}
	})
}

func TestInstancesShareACopy(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		opened := 0
		s.machines["kvm1"].Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "OpenVolume" {
				opened++
			}
			return fakehost.Fault{}
		}
		var group sync.WaitGroup
		for n, name := range []string{"a", "b", "c", "d", "e", "f"} {
			on := s.process()["kvm2"] // processes of their own…
			if n < 3 && n > 0 {       // …and instances of one
				continue
			}
			names := []string{name}
			if n == 0 {
				names = []string{"a", "b", "c"}
			}
			for _, name := range names {
				r := on.request("linked_clone")
				r.Name, r.Storage = name, nil
				group.Go(func() {
					if _, _, err := on.p.Create(t.Context(), r, func(kind.Instance, Record) {}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		group.Wait()
		if stored := s.stored("kvm2"); opened != 1 || len(stored) != 1 || len(s.machines["kvm2"].UUIDs()) != 6 {
			t.Errorf("the image was read %d times; there are %q, and %d instances", opened, stored,
				len(s.machines["kvm2"].UUIDs()))
		}
	})
}

// cutAt is a host whose images can be read only up to a place.
type cutAt struct {
	host.Host
	at int64
}

func (c cutAt) OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error) {
	r, err := c.Host.OpenVolume(ctx, pool, name)
	if err != nil {
		return nil, err
	}
	cut := io.MultiReader(io.LimitReader(r, c.at), brokenReader{})
	return struct {
		io.Reader
		io.Closer
	}{cut, r}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, host.ErrUnreachable }

func TestAnotherHostIsReadIfTheFirstFails(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		s.wrap["kvm1"] = func(h host.Host) host.Host { return cutAt{h, 30 << 10} }
		on := s.process()["kvm2"]
		_, _, err := on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "from kvm1") {
			t.Errorf("with a source that is cut off: %v", err)
		}
		on.empty(t)
		if _, there := s.document("kvm2", "1.0.0"); there || len(s.stored("kvm2")) > 0 {
			t.Errorf("it has left %q", s.stored("kvm2"))
		}

		delete(s.wrap, "kvm1")
		third := s.process()["kvm3"]
		s.create(third, third.request("clone"))
		s.wrap["kvm1"] = func(h host.Host) host.Host { return cutAt{h, 30 << 10} }
		on = s.process()["kvm2"]
		i, _ := s.create(on, on.request("clone"))
		on.remove(t, i.UUID)
		if copied, _ := s.document("kvm2", "1.0.0"); copied.State != catalog.BaseReady {
			t.Errorf("copied from another host, it is %+v", copied)
		}
	})
}

// full is a host whose pools have no room.
type full struct{ host.Host }

func (f full) Pool(ctx context.Context, name string) (host.Pool, error) {
	p, err := f.Host.Pool(ctx, name)
	p.Available = 1 << 10
	return p, err
}

func TestACopyNeedsRoom(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		s.wrap["kvm2"] = func(h host.Host) host.Host { return full{h} }
		on := s.process()["kvm2"]
		_, _, err := on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if err == nil || !strings.Contains(err.Error(), "to kvm2") || !strings.Contains(err.Error(), "make room") {
			t.Errorf("without room: %v", err)
		}
		on.empty(t)
		if _, there := s.document("kvm2", "1.0.0"); there || len(s.stored("kvm2")) > 0 {
			t.Errorf("it has left %q", s.stored("kvm2"))
		}
	})
}

func TestAnImageThatNoHostHasIsNotFound(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		v := must.Get[catalog.Version](t)(s.process()["kvm2"].lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		if err := s.process()["kvm2"].lib.CheckImage(t.Context(), v); err != nil {
			t.Errorf("a plan for a host that lacks the image: %v", err)
		}
		bases := poolstore.New(s.machines["kvm1"], sitePool).Bases()
		rec := must.Get[catalog.Record[catalog.Base]](t)(bases.Get(t.Context(), catalog.BaseKey(v.Digest)))
		if err := bases.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
			t.Fatal(err)
		}
		on := s.process()["kvm2"]
		_, _, err := on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if _, is := errors.AsType[finding.List](err); !is || !strings.Contains(err.Error(), "kvm2, kvm1, kvm3") {
			t.Errorf("without an image: %v", err)
		}
		if err := on.lib.CheckImage(t.Context(), v); err == nil {
			t.Error("a plan does not say that the image is nowhere")
		}
		s.machines["kvm3"].Inject = func(fakehost.Call) fakehost.Fault {
			return fakehost.Fault{Before: host.ErrUnreachable}
		}
		_, _, err = on.p.Create(t.Context(), on.request("clone"), func(kind.Instance, Record) {})
		if _, is := errors.AsType[finding.List](err); is || !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("while a host that may have it is silent: %v", err)
		}
	})
}

// Whichever request of the host fails, nothing is left that is in the way of the next create.
func TestAFailedCopyIsMadeAgain(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onHosts(t, func(t *testing.T, s *hostsSite) {
				var on *testSite
				disturbed := &testSite{Host: s.machines["kvm2"]}
				disturbed.disturbed(s.T, how, func() { on = s.process()["kvm2"] }, func(ctx context.Context) error {
					return on.lib.Replicate(ctx, must.Get[catalog.Version](s.T)(
						on.lib.Version(context.WithoutCancel(ctx), siteTemplate.Version("1.0.0"))))
				}, func(err error) {
					base, there := s.document("kvm2", "1.0.0")
					if err == nil && base.State != catalog.BaseReady || err != nil && there &&
						base.State != catalog.BaseReady {
						s.Errorf("it is %+v after %v", base, err)
					}
					again := s.process()["kvm2"]
					ctx, cancel := context.WithTimeout(s.Context(), time.Hour)
					defer cancel()
					v := must.Get[catalog.Version](s.T)(again.lib.Version(ctx, siteTemplate.Version("1.0.0")))
					if err := again.lib.Replicate(ctx, v); err != nil {
						s.Errorf("once more: %v", err)
					}
					if stored := s.stored("kvm2"); len(stored) != 1 {
						s.Errorf("there are %q", stored)
					}
					if err := again.lib.Images.ReleaseCopy(ctx, v); err != nil {
						s.Error(err)
					}
					if stored := s.stored("kvm2"); len(stored) != 0 {
						s.Errorf("left are %q", stored)
					}
				})
			})
		})
	}
}

// copying writes what a process of the name has left that was copying the image of 1.0.0 to kvm2.
func (s *hostsSite) copying(runner string, left time.Duration) {
	s.Helper()
	origin, _ := s.document("kvm1", "1.0.0")
	h, now := s.machines["kvm2"], time.Now()
	must.Get[host.Volume](s.T)(h.CreateVolume(s.Context(), sitePool, host.VolumeSpec{
		Name: "nova.base.dead.raw", Format: "raw", Capacity: uint64(origin.StoredSize),
	}))
	origin.State, origin.Volume = catalog.BaseUploading, "nova.base.dead.raw"
	origin.Versions = []string{s.id() + ":" + siteTemplate.Version("1.0.0").String()}
	origin.Copy = &catalog.Copy{Runner: runner, Since: now, Deadline: now.Add(left), UsedAt: now}
	must.Get[catalog.Record[catalog.Base]](s.T)(poolstore.New(h, sitePool).Bases().Create(s.Context(),
		catalog.BaseKey(origin.Digest), origin))
}

func TestTheCopyOfADeadProcessIsMadeAgain(t *testing.T) {
	const elsewhere = "elsewhere/4711/m/b/1-1/99"
	onHosts(t, func(t *testing.T, s *hostsSite) {
		for name, c := range map[string]struct {
			runner      string
			left, waits time.Duration
		}{
			"dead":               {leasetest.Dead(t), time.Hour, 0},
			"perhaps alive":      {elsewhere, time.Hour, time.Hour},
			"out of its time":    {elsewhere, -time.Hour, 0},
			"by another process": {leasetest.Dead(t), -time.Hour, 0},
		} {
			s.copying(c.runner, c.left)
			on, begun := s.process()["kvm2"], time.Now()
			i, _ := s.create(on, on.request("linked_clone"))
			if took := time.Since(begun); took < c.waits || c.waits == 0 && took > time.Minute {
				t.Errorf("a process that is %s was waited for: %s", name, took)
			}
			if stored := s.stored("kvm2"); len(stored) != 1 || stored[0] == "nova.base.dead.raw" {
				t.Errorf("%s: there are %q", name, stored)
			}
			on.remove(t, i.UUID)
			v := must.Get[catalog.Version](t)(on.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
			if err := on.lib.Images.ReleaseCopy(t.Context(), v); err != nil {
				t.Error(err)
			}
		}
		s.copying(leasetest.Dead(t), time.Hour)
		if err := s.process()["kvm2"].lib.Images.Collect(t.Context()); err != nil || len(s.stored("kvm2")) > 0 {
			t.Errorf("what a dead process has left is still there: %q, %v", s.stored("kvm2"), err)
		}
	})
}

// collected has another process collect what is unused on kvm2.
func (s *hostsSite) collected() {
	s.Helper()
	p := s.process()
	on := p["kvm2"].lib.Images
	if err := errors.Join(on.Collect(s.Context()), on.CollectCopies(s.Context(), p["kvm1"].lib.Images)); err != nil {
		s.Error(err)
	}
}

func TestAnUnusedCopyGoes(t *testing.T) {
	const month = 30 * 24 * time.Hour
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		i, _ := s.create(on, on.request("linked_clone"))
		time.Sleep(month + time.Hour)
		s.collected()
		if len(s.stored("kvm2")) != 1 {
			t.Error("a copy has gone with an instance on it")
		}
		before, _ := s.document("kvm2", "1.0.0")
		on.remove(t, i.UUID)

		again := on.request("clone")
		calls := func() int { return s.machines["kvm2"].Calls() }
		i, _ = s.create(s.process()["kvm2"], again)
		after, _ := s.document("kvm2", "1.0.0")
		if !after.Copy.UsedAt.After(before.Copy.UsedAt.Add(month)) {
			t.Errorf("used again, the copy says %v, before %v", after.Copy, before.Copy)
		}
		on.remove(t, i.UUID)
		time.Sleep(time.Hour)
		names := func() []string { return must.Get[[]string](t)(s.machines["kvm2"].VolumeNames(t.Context(), sitePool)) }
		documents, first := names(), calls()
		i, _ = s.create(s.process()["kvm2"], again)
		on.remove(t, i.UUID)
		if now := names(); !slices.Equal(now, documents) {
			t.Errorf("an hour later, a use was noted: %q, before %q, by %d requests", now, documents, calls()-first)
		}

		time.Sleep(month - 2*time.Hour)
		s.collected()
		if len(s.stored("kvm2")) != 1 {
			t.Error("a copy has gone before its time")
		}
		time.Sleep(2 * time.Hour)
		origin, _ := s.document("kvm1", "1.0.0")
		bases := poolstore.New(s.machines["kvm1"], sitePool).Bases()
		rec := must.Get[catalog.Record[catalog.Base]](t)(bases.Get(t.Context(), catalog.BaseKey(origin.Digest)))
		lost := rec.Value
		lost.State = catalog.BaseDeleting
		rec = must.Get[catalog.Record[catalog.Base]](t)(bases.Replace(t.Context(), rec.Key, rec.Revision, lost))
		s.collected()
		if len(s.stored("kvm2")) != 1 {
			t.Error("the last copy of an image has gone")
		}
		must.Get[catalog.Record[catalog.Base]](t)(bases.Replace(t.Context(), rec.Key, rec.Revision, origin))
		s.collected()
		if _, there := s.document("kvm2", "1.0.0"); there || len(s.stored("kvm2")) > 0 {
			t.Errorf("unused for a month, it is still there: %q", s.stored("kvm2"))
		}
		if len(s.stored("kvm1")) != 2 {
			t.Errorf("at home are %q", s.stored("kvm1"))
		}
	})
}

// A copy that could not be told that its version has gone is found by the collector.
func TestACopyOfARemovedVersionGoes(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on := s.process()["kvm2"]
		i, _ := s.create(on, on.request("clone"))
		on.remove(t, i.UUID)
		v := must.Get[catalog.Version](t)(on.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		left, _ := s.document("kvm2", "1.0.0")
		s.remove("1.0.0")
		must.Get[host.Volume](t)(s.machines["kvm2"].CreateVolume(t.Context(), sitePool, host.VolumeSpec{
			Name: left.Volume, Format: "raw", Capacity: uint64(left.StoredSize),
		}))
		must.Get[catalog.Record[catalog.Base]](t)(poolstore.New(s.machines["kvm2"], sitePool).Bases().Create(t.Context(),
			catalog.BaseKey(v.Digest), left))
		s.collected()
		time.Sleep(2 * time.Hour)
		s.remove("2.0.0") // which looks at all hosts
		if left := s.stored("kvm2"); len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	})
}

// A version that is removed while its image is copied takes the copy with it.
func TestAVersionIsRemovedWhileItsImageIsCopied(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		on, removed := s.process()["kvm2"], false
		s.machines["kvm2"].Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method != "Upload" || removed {
				return fakehost.Fault{}
			}
			removed = true
			return fakehost.Fault{}
		}
		v := must.Get[catalog.Version](t)(on.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		s.wrap["kvm1"] = func(h host.Host) host.Host {
			return removing{h, func() { s.machines["kvm2"].Inject = nil; delete(s.wrap, "kvm1"); s.remove("1.0.0") }}
		}
		on = s.process()["kvm2"]
		if err := on.lib.Replicate(t.Context(), v); err == nil {
			t.Error("the image of a version that is gone was copied")
		}
		if left := s.stored("kvm2"); len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	})
}

// removing is a host that does something once an image was opened.
type removing struct {
	host.Host
	do func()
}

func (r removing) OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error) {
	opened, err := r.Host.OpenVolume(ctx, pool, name)
	r.do()
	return opened, err
}

// The pool of another host may have a catalog of its own, with a template of the same name.
func TestCatalogsThatShareAPoolAreNotConfused(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		own := &testSite{Host: s.machines["kvm2"]}
		own.lib = own.process()
		own.p = own.provisioner(own.lib)
		must.Get[catalog.Template](t)(
			own.lib.CreateTemplate(t.Context(), catalog.Template{ID: siteTemplate, Type: catalog.TypeVM}))
		must.Get[catalog.Version](t)(own.lib.RegisterVersion(t.Context(), library.VersionRequest{
			ID: siteTemplate.Version("1.0.0"), Source: file.Source{Path: s.images["2.0.0"]},
		}))
		r := own.request("linked_clone")
		r.Name, r.Storage = "its-own", nil
		theirs := own.made(t, r)

		on := s.process()["kvm2"]
		r.Name = "ours"
		ours, _ := s.create(on, r)
		if !s.database { // which cannot tell the instances apart, as ever
			s.remove("1.0.0", "default/ours on kvm2")
			err := s.process()["kvm1"].lib.RemoveVersion(t.Context(), siteTemplate.Version("1.0.0"))
			if err == nil || strings.Contains(err.Error(), "its-own") {
				t.Errorf("the instance of another catalog is in the way: %v", err)
			}
			err = own.lib.RemoveVersion(t.Context(), siteTemplate.Version("1.0.0"))
			if err == nil || !strings.Contains(err.Error(), "default/its-own") || strings.Contains(err.Error(), "ours") {
				t.Errorf("removing the version of the pool's own catalog: %v", err)
			}
		}
		r.Name, r.Version = "joined", "2.0.0" // whose image the pool has
		joined, _ := s.create(on, r)
		shared, _ := s.document("kvm2", "2.0.0")
		want := []string{siteTemplate.Version("1.0.0").String(), s.id() + ":" + siteTemplate.Version("2.0.0").String()}
		if !slices.Equal(shared.Versions, want) || shared.Copy != nil || len(s.stored("kvm2")) != 2 {
			t.Errorf("both catalogs share %+v, want %q; there are %q", shared, want, s.stored("kvm2"))
		}
		for _, i := range []kind.Instance{theirs, ours, joined} {
			if err := on.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, i.Facts.Name, hostid.ID{}); err != nil {
				t.Error(err)
			}
		}
		s.remove("1.0.0")
		s.remove("2.0.0")
		if left := s.stored("kvm2"); !slices.Equal(left, []string{shared.Volume}) {
			t.Errorf("the pool has %q, want what its own catalog has, %q", left, shared.Volume)
		}
		if err := own.lib.RemoveVersion(t.Context(), siteTemplate.Version("1.0.0")); err != nil || len(s.stored("kvm2")) > 0 {
			t.Errorf("left are %q, %v", s.stored("kvm2"), err)
		}
	})
}

// A host makes its own warm snapshot when its first instance wants one.
func TestEachHostHasWarmSnapshotsOfItsOwn(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		agent := &agenttest.Agent{Run: func(string, string) (string, int) { return sealedFacts, 0 }}
		s.machines["kvm2"].Agent = agent.Command
		on := s.process()["kvm2"]
		v := on.warm(t, &catalog.Warm{})
		i, steps := s.create(on, on.request("instantiate"))
		if !slices.Contains(steps, "resume") || steps[0] != "replicate" {
			t.Errorf("its steps are %q", steps)
		}
		s.remove("1.0.0", "default/web on kvm2")
		on.remove(t, i.UUID)
		if parts := on.warmParts(t); len(parts) != 2 {
			t.Errorf("there are %q", parts)
		}
		time.Sleep(31 * 24 * time.Hour)
		s.collected() // the snapshot goes…
		s.collected() // …and then the image
		if parts := on.warmParts(t); len(parts) > 0 || len(s.stored("kvm2")) > 0 {
			t.Errorf("unused for a month, there are %q and %q", parts, s.stored("kvm2"))
		}
		if made, err := s.process()["kvm2"].p.Warm(t.Context(), v); err != nil || made.State != catalog.SnapshotReady {
			t.Errorf("made again: %+v, %v", made, err)
		}
		s.remove("1.0.0")
		if parts := on.warmParts(t); len(parts) > 0 || len(s.stored("kvm2")) > 0 {
			t.Errorf("without its version, there are %q and %q", parts, s.stored("kvm2"))
		}
	})
}

// With one host, nothing is asked that was not asked before there could be several.
func TestOneHostIsAskedNothingNew(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		i := s.made(t, s.request("linked_clone"))
		names := must.Get[[]string](t)(s.VolumeNames(t.Context(), sitePool))
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "nova.catalog.") }) ||
			i.Facts.Catalog != "" {
			t.Errorf("a catalog on one host has an id: %q, and %q", names, i.Facts.Catalog)
		}
		s.remove(t, i.UUID)
	})
}

// chained registers version 3.0.0, whose image stands on that of 2.0.0.
func (s *hostsSite) chained() catalog.Version {
	s.Helper()
	return must.Get[catalog.Version](s.T)(s.process()["kvm1"].lib.RegisterVersion(s.Context(), library.VersionRequest{
		ID: siteTemplate.Version("3.0.0"), Parent: "2.0.0", Source: file.Source{Path: s.images["3.0.0"]},
	}))
}

func TestAnImageIsCopiedWithWhatItStandsOn(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		v := s.chained()
		on := s.process()["kvm2"]
		r := on.request("linked_clone")
		r.Version, r.Storage = v.ID.Version, nil
		i, _ := s.create(on, r)
		top, _ := s.document("kvm2", "3.0.0")
		below, _ := s.document("kvm2", "2.0.0")
		if top.Parent != below.Digest || top.Copy == nil || below.Copy == nil || len(below.Versions) != 0 ||
			!slices.Equal(below.Children, []string{top.Volume}) || len(s.stored("kvm2")) != 2 {
			t.Errorf("copied are %+v on %+v; there are %q", top, below, s.stored("kvm2"))
		}
		base := must.Get[catalog.Base](t)(on.lib.Images.Base(t.Context(), v.Digest))
		if err := on.lib.Images.Verify(t.Context(), base); err != nil {
			t.Errorf("the copy is not the image: %v", err)
		}
		if _, err := on.Volume(t.Context(), sitePool, naming.BlockMap(top.Volume)); err != nil {
			t.Errorf("the map of its blocks: %v", err)
		}
		r.Name, r.Version = "below", "2.0.0" // of which the pool has the image already
		second, _ := s.create(on, r)
		if len(s.stored("kvm2")) != 2 {
			t.Errorf("there are %q", s.stored("kvm2"))
		}
		for _, i := range []kind.Instance{i, second} {
			if err := on.p.Delete(t.Context(), 0, i.UUID, naming.DefaultTenant, i.Facts.Name, hostid.ID{}); err != nil {
				t.Error(err)
			}
		}
		s.remove("3.0.0")
		if left, _ := s.document("kvm2", "2.0.0"); len(left.Versions) != 1 || len(left.Children) != 0 {
			t.Errorf("what it stood on is %+v", left)
		}
		s.remove("2.0.0")
		if left := s.stored("kvm2"); len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	})
}

// A process that is killed at any request undoes nothing. The next copy takes over at once what a
// process has left that is certainly dead.
func TestTheCopyOfAKilledProcessIsMadeAgain(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		v, h := s.chained(), s.machines["kvm2"]
		replicate := func() error { return s.process()["kvm2"].lib.Replicate(t.Context(), v) }
		for n := 1; ; n++ {
			first, killed := h.Calls(), false
			h.Inject = func(c fakehost.Call) fakehost.Fault {
				if killed = killed || c.N == first+n; killed {
					return fakehost.Fault{Before: host.ErrUnreachable}
				}
				return fakehost.Fault{}
			}
			err := replicate()
			h.Inject = nil
			if !killed {
				if err != nil {
					t.Errorf("undisturbed: %v", err)
				}
				return
			}
			s.kill("kvm2")
			begun := time.Now()
			if err := replicate(); err != nil || time.Since(begun) > time.Minute || len(s.stored("kvm2")) != 2 {
				t.Fatalf("killed at request %d: after %s, %v; there are %q", n, time.Since(begun), err, s.stored("kvm2"))
			}
			if err := s.process()["kvm2"].lib.Images.ReleaseCopy(t.Context(), v); err != nil {
				t.Error(err)
			}
			for range 2 { // what the dead process has listed in vain
				s.collected()
				time.Sleep(2 * time.Hour)
			}
			s.collected()
			if left := s.stored("kvm2"); len(left) > 0 {
				t.Fatalf("killed at request %d: left are %q", n, left)
			}
		}
	})
}

// kill makes what is being copied to a host that of a process that has certainly ended.
func (s *hostsSite) kill(name string) {
	s.Helper()
	bases := poolstore.New(s.machines[name], sitePool).Bases()
	for _, rec := range must.Get[[]catalog.Record[catalog.Base]](s.T)(bases.List(s.Context(), "")) {
		if rec.Value.Copy != nil && rec.Value.State == catalog.BaseUploading {
			killed := *rec.Value.Copy
			killed.Runner, rec.Value.Copy = leasetest.Dead(s.T), &killed
			must.Get[catalog.Record[catalog.Base]](s.T)(bases.Replace(s.Context(), rec.Key, rec.Revision, rec.Value))
		}
	}
}
