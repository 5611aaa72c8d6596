package onhost_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
	"github.com/novacron/terraform-provider-novacron/internal/source/sourcetest"
)

// ground is a pool of a host, on which the disk of an instance is placed.
type ground struct {
	host.Host
	pool   host.Pool
	cutOff sourcetest.Fault
	// put gives a volume that content. The volume exists already, or not.
	put func(t *testing.T, volume string, content []byte)

	tenant, volume, uuid string
	reader               string // the tenant that reads
}

func (g *ground) name() {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	id := hex.EncodeToString(b[:])
	g.uuid = strings.Join([]string{id[:8], id[8:12], "4" + id[13:16], "8" + id[17:20], id[20:]}, "-")
	g.tenant = "t" + id[:10]
	g.reader, g.volume = g.tenant, naming.Disk(g.tenant, "web", "system", "qcow2")
}

// bind gives a source the host. Everything below a disk may be read.
func (g *ground) bind(s source.Source) source.Source {
	return onhost.Bind(s, &onhost.Host{Machine: g, Tenant: g.reader, Chain: g.chain})
}

func (g *ground) chain(ctx context.Context, _ metadata.Facts, disk host.DomainDisk) ([]host.Volume, error) {
	v, err := g.Host.Volume(ctx, g.pool.Name, path.Base(disk.Path))
	if err == nil {
		err = v.As(disk.Format)
	}
	return []host.Volume{v}, err
}

// define defines the instance whose disk the volume is.
func (g *ground) define(t *testing.T, format string) {
	t.Helper()
	facts, err := metadata.Facts{Tenant: g.tenant, Name: "web"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.DefineDomain(t.Context(), host.DomainSpec{
		Name: naming.Domain(g.tenant, "web"), UUID: g.uuid, Metadata: facts,
		Type: "qemu", Sockets: 1, Cores: 1, MemoryMiB: 64,
		Disks: []host.DiskSpec{
			{Name: "system", Target: "vda", Path: g.pool.Path + "/" + g.volume, Format: format, Boot: 1},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if _, err := g.Domain(ctx, g.uuid); errors.Is(err, host.ErrNoDomain) {
			return
		}
		if err := errors.Join(g.DestroyDomain(ctx, g.uuid), g.UndefineDomain(ctx, g.uuid)); err != nil {
			t.Error(err)
		}
	})
}

// must has something happen to the ground.
func (g *ground) must(do func(ctx context.Context) error) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func (g *ground) starts(t *testing.T) {
	t.Helper()
	g.must(func(ctx context.Context) error { return g.StartDomain(ctx, g.uuid) })(t)
}

func (g *ground) toOthers(*testing.T) { g.reader = "other" }

// volumes is the ground as a site of volumes: that of an instance's disk.
func (g *ground) volumes() sourcetest.Site {
	return sourcetest.Site{
		Kind:     onhost.VolumeKind,
		Settings: source.Settings{"volume": g.pool.Name + "/" + g.volume},
		Bind:     g.bind,
		Put:      func(t *testing.T, content []byte) { t.Helper(); g.put(t, g.volume, content) },
		Faults: map[string]sourcetest.Fault{
			sourcetest.Gone: {
				Happen: g.must(func(ctx context.Context) error { return g.DeleteVolume(ctx, g.pool.Name, g.volume) }),
				Is:     host.ErrNoVolume, Says: "virsh vol-list",
			},
			sourcetest.Denied: {Happen: g.toOthers, Is: host.ErrNoVolume, Says: `tenant "other" has no such volume`},
			sourcetest.Changed: {
				Prepare: func(t *testing.T) { g.define(t, "raw") },
				Happen:  g.starts, Says: "it is in use by running machines: ",
			},
			sourcetest.CutOff: g.cutOff,
		},
	}
}

// instances is the ground as a site of instances.
func (g *ground) instances() sourcetest.Site {
	return sourcetest.Site{
		Kind:     onhost.InstanceKind,
		Settings: source.Settings{"instance_id": g.uuid},
		Bind:     g.bind,
		Put: func(t *testing.T, content []byte) {
			t.Helper()
			g.put(t, g.volume, content)
			g.define(t, "qcow2")
		},
		Faults: map[string]sourcetest.Fault{
			sourcetest.Gone: {
				Happen: g.must(func(ctx context.Context) error { return g.UndefineDomain(ctx, g.uuid) }),
				Is:     host.ErrNoDomain, Says: "has no such instance",
			},
			sourcetest.Denied: {Happen: g.toOthers, Is: host.ErrNoDomain, Says: `tenant "other" has no such instance`},
			sourcetest.InUse:  {Happen: g.starts, Says: "the instance is running"},
		},
	}
}

// inMemory is a ground on a host in memory.
func inMemory(t *testing.T) *ground {
	t.Helper()
	h := fakehost.New()
	pool, err := h.CreateDirPool(t.Context(), "pool", "/pool")
	if err != nil {
		t.Fatal(err)
	}
	g := &ground{Host: h, pool: pool, put: func(t *testing.T, volume string, content []byte) {
		t.Helper()
		ctx, size := t.Context(), int64(len(content))
		err := h.DeleteVolume(ctx, pool.Name, volume)
		if err == nil || errors.Is(err, host.ErrNoVolume) {
			_, err = h.CreateVolume(ctx, pool.Name, host.VolumeSpec{
				Name: volume, Format: "raw", Capacity: uint64(size),
			})
		}
		var to host.Transfer
		if err == nil {
			to, err = h.OpenTransfer(ctx)
		}
		if err == nil {
			err = to.UploadAll(ctx, pool.Name, volume, bytes.NewReader(content), 0, size)
		}
		if err != nil {
			t.Fatal(err)
		}
	}}
	g.name()
	cut := &cutting{Host: h}
	g.cutOff = sourcetest.Fault{
		Prepare: func(*testing.T) { g.Host = cut },
		Happen:  func(*testing.T) { cut.now = true },
		Is:      io.ErrUnexpectedEOF,
	}
	return g
}

// cutting is a host whose volumes silently end early.
type cutting struct {
	host.Host
	now bool
}

func (c *cutting) OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error) {
	r, err := c.Host.OpenVolume(ctx, pool, name)
	return cutReader{r, c}, err
}

type cutReader struct {
	io.ReadCloser
	host *cutting
}

func (c cutReader) Read(p []byte) (int, error) {
	if c.host.now {
		return 0, io.EOF
	}
	return c.ReadCloser.Read(p)
}

func TestContract(t *testing.T) {
	t.Run("Volume", func(t *testing.T) {
		sourcetest.Run(t, func(t *testing.T) sourcetest.Site { return inMemory(t).volumes() })
	})
	t.Run("Root", func(t *testing.T) {
		sourcetest.RunRoots(t, func(t *testing.T) sourcetest.Site { return inMemory(t).volumes() })
	})
	t.Run("Instance", func(t *testing.T) {
		sourcetest.RunCaptured(t, func(t *testing.T) sourcetest.Site { return inMemory(t).instances() })
	})
}
