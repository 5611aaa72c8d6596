package imagestoretest

import (
	"context"
	"path"
	"slices"
	"sync/atomic"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// engine is what the host of the tests has.
var engine = catalog.Engine{Hypervisor: "7.2.22", CPU: "ab"}

// asks registers a version that asks for a snapshot, and returns the request for it.
func (b *bench) asks(st *imagestore.Store, number, path string) warm.Request {
	b.t.Helper()
	base, _ := b.hold(st, number, path)
	return b.asksAs(number, base.Digest, catalog.Warm{SealCommands: []string{"sync"}})
}

// asksAs makes a registered version ask for a snapshot.
func (b *bench) asksAs(number, digest string, w catalog.Warm) warm.Request {
	b.t.Helper()
	_, err := catalog.Change(b.t.Context(), b.Documents.Versions(), b.version(number).String(),
		func(v *catalog.Version) error {
			v.Warm = &w
			return nil
		})
	b.check(err)
	return warm.Request{
		Version: b.version(number), Digest: digest, Warm: w, Engine: engine,
		Shape: catalog.Shape{Host: "host", DomainType: "qemu", Sockets: 1, Cores: 1, MemoryMiB: 64},
	}
}

// guests makes snapshots as far as a store is concerned: domains and volumes of their names. It
// leaves everything in place if it fails, as a process does that is killed.
type guests struct {
	b     *bench
	st    *imagestore.Store
	made  atomic.Int32
	fails error
	first func() // before anything is there
	then  func() // when everything is there, before it fails
	last  func() // before it is done
}

func (b *bench) guests(st *imagestore.Store) *guests { return &guests{b: b, st: st} }

func (g *guests) make(ctx context.Context, s catalog.Snapshot) (catalog.Snapshot, error) {
	g.made.Add(1)
	call(g.first)
	h, pool := g.b.Host, g.b.Pool
	base, err := g.st.Base(ctx, s.Digest)
	if err != nil {
		return s, err
	}
	below, err := g.st.Volume(ctx, base)
	if err != nil {
		return s, err
	}
	disk, err := h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: naming.WarmDisk(s.Stem), Format: "qcow2", Capacity: uint64(base.VirtualSize),
		Backing: &host.Backing{Path: below.Path, Format: base.Format},
	})
	if err != nil {
		return s, err
	}
	domain, err := h.DefineDomain(ctx, host.DomainSpec{
		Name: s.Stem, Type: "qemu", Sockets: 1, Cores: 1, MemoryMiB: 64,
		Disks: []host.DiskSpec{{Name: "system", Target: "vda", Path: disk.Path, Format: "qcow2", Boot: 1}},
	})
	if err != nil {
		return s, err
	}
	if err := h.StartDomain(ctx, domain.UUID); err != nil {
		return s, err
	}
	for _, name := range []string{naming.WarmMemory(s.Stem), naming.WarmSeed(s.Stem)} {
		spec := host.VolumeSpec{Name: name, Format: "raw", Capacity: 4096}
		if _, err := h.CreateVolume(ctx, pool, spec); err != nil {
			return s, err
		}
	}
	call(g.then)
	if g.fails != nil {
		return s, g.fails
	}
	if err := ctx.Err(); err != nil {
		return s, err
	}
	if err := h.DestroyDomain(ctx, domain.UUID); err != nil {
		return s, err
	}
	if err := h.UndefineDomain(ctx, domain.UUID); err != nil {
		return s, err
	}
	if err := h.DeleteVolume(ctx, pool, naming.WarmSeed(s.Stem)); err != nil {
		return s, err
	}
	s.Engine, s.MemorySize = engine, 4096
	call(g.last)
	return s, nil
}

func call(do func()) {
	if do != nil {
		do()
	}
}

// snapshot makes a snapshot that is expected to be ready.
func (b *bench) snapshot(st *imagestore.Store, r warm.Request) catalog.Snapshot {
	b.t.Helper()
	s, err := st.Warm().Make(b.t.Context(), r, b.guests(st).make)
	b.check(err)
	if s.State != catalog.SnapshotReady || s.Stem == "" || s.Runner != "" {
		b.t.Fatalf("made %+v", s)
	}
	return s
}

// cloned creates a disk that stands on that of a snapshot.
func (b *bench) cloned(s catalog.Snapshot, name string) {
	b.t.Helper()
	disk, err := b.Host.Volume(b.t.Context(), b.Pool, naming.WarmDisk(s.Stem))
	b.check(err)
	_, err = b.Host.CreateVolume(b.t.Context(), b.Pool, host.VolumeSpec{
		Name: name, Format: "qcow2", Capacity: disk.Capacity,
		Backing: &host.Backing{Path: disk.Path, Format: "qcow2"},
	})
	b.check(err)
}

// parts returns the names of the volumes and domains of all snapshots of the pool, without those of
// their documents.
func (b *bench) parts() []string {
	b.t.Helper()
	ctx := context.WithoutCancel(b.t.Context())
	b.check(b.Host.RefreshPool(ctx, b.Pool))
	names, err := b.Host.VolumeNames(ctx, b.Pool)
	b.check(err)
	pool, err := b.Host.Pool(ctx, b.Pool)
	b.check(err)
	domains, _, err := b.Host.DomainsNamed(ctx, naming.IsWarm)
	b.check(err)
	for _, d := range domains {
		if slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool { return path.Dir(disk.Path) == pool.Path }) {
			names = append(names, d.Name)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !naming.IsWarm(name) })
	slices.Sort(names)
	return names
}

// has checks which parts snapshots have: a disk and a memory for each of whole, a disk for each of
// disks; and that their image lists exactly these disks.
func (b *bench) has(digest string, whole, disks []string) {
	b.t.Helper()
	var want, children []string
	for _, stem := range whole {
		want = append(want, naming.WarmMemory(stem))
	}
	for _, stem := range slices.Concat(whole, disks) {
		children = append(children, naming.WarmDisk(stem))
	}
	slices.Sort(children)
	want = append(want, children...)
	slices.Sort(want)
	if got := b.parts(); !slices.Equal(got, want) {
		b.t.Errorf("the parts are %q, want %q", got, want)
	}
	rec, err := b.Documents.Bases().Get(b.t.Context(), catalog.BaseKey(digest))
	if err = catalog.IgnoreNotFound(err); err != nil {
		b.t.Fatal(err)
	}
	listed := slices.Sorted(slices.Values(rec.Value.Children))
	if !slices.Equal(listed, children) {
		b.t.Errorf("the image lists %q, want %q", listed, children)
	}
}

// described returns the document of a snapshot, and whether there is one.
func (b *bench) described(key string) (catalog.Record[catalog.Snapshot], bool) {
	b.t.Helper()
	rec, err := b.Documents.Snapshots().Get(b.t.Context(), key)
	b.check(catalog.IgnoreNotFound(err))
	return rec, err == nil
}
