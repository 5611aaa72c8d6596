package provision

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// Of many processes that create instances on one host at once, as many succeed as there are places.
func TestAccAHostIsFilledAndNoMore(t *testing.T) {
	site := acctest.RequireHost(t).Own(t, "full") // domains of other tests would take places
	t.Parallel()
	const processes, claims, places, foreign = 6, 4, 8, 2
	pool, _ := site.Pool(t, "full-"+strings.ToLower(rand.Text()[:8]))
	s := stressed{URI: site.URI, Pool: pool, Image: stressImage(t, 64<<10), Other: stressImage(t, 32<<10)}
	l, p, done := s.open()
	t.Cleanup(done)
	s.prepare(t, l)
	t.Cleanup(func() { s.clear(t, site, l, p) })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	other := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: site.URI}))
	t.Cleanup(func() { other.Close() })
	d := must.Get[host.Domain](t)(other.DefineDomain(ctx, host.DomainSpec{
		Name: pool + "-foreign", Type: "qemu", Sockets: 1, Cores: foreign, MemoryMiB: 64,
	}))
	t.Cleanup(func() {
		if err := other.UndefineDomain(context.WithoutCancel(ctx), d.UUID); err != nil {
			t.Error(err)
		}
	})
	info := must.Get[host.Info](t)(other.Info(ctx))
	limits := Limits{VCPUs: float64(places+foreign) / float64(info.CPUs)}

	var refused, placed atomic.Int64
	var group sync.WaitGroup
	made, errs := make([]kind.Instance, processes*claims), make([]error, processes*claims)
	for n := range processes {
		l, _, done := s.open()
		t.Cleanup(done)
		conn := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: site.URI}))
		t.Cleanup(func() { conn.Close() })
		p := New(Settings{Host: conn, Library: l, Kinds: machines, Limits: &limits})
		for i := n * claims; i < (n+1)*claims; i++ {
			group.Go(func() {
				made[i], _, errs[i] = p.CreateOr(ctx, s.small(i), func(kind.Instance, Record) { placed.Add(1) },
					func(ctx context.Context, full error) (*Provisioner, error) {
						refused.Add(1)
						if placed.Load() >= places {
							return nil, full
						}
						select { // others that were refused as well do the same
						case <-time.After(mathrand.N(200 * time.Millisecond)):
							return p, nil
						case <-ctx.Done():
							return nil, full
						}
					})
			})
		}
	}
	began := time.Now()
	group.Wait()
	var one kind.Instance
	for i, err := range errs {
		if err == nil {
			one = made[i]
		} else if _, full := errors.AsType[*FullError](err); !full {
			t.Error(err)
		}
	}
	t.Logf("%d of %d claims succeeded in %s, after %d refusals",
		placed.Load(), len(errs), time.Since(began), refused.Load())
	full := New(Settings{Host: other, Library: l, Kinds: machines, Limits: &limits})
	must.Get[Room](t)(full.Room(ctx)) // asks for the host's figures
	before := other.Calls()
	room := must.Get[Room](t)(full.Room(ctx))
	if asked := other.Calls() - before; asked != 2 {
		t.Errorf("a look at %d domains that are off took %d requests", places+foreign, asked)
	}
	if want := (Figure{int64(info.CPUs), places + foreign, places + foreign}); placed.Load() != places ||
		room.VCPUs != want {
		t.Fatalf("%d were placed, and the room is %+v", placed.Load(), room)
	}

	// A place that is given back can be taken, by a new instance or by one that grows.
	two := int64(2)
	grow := func() error {
		i := must.Get[kind.Instance](t)(full.Read(ctx, one.UUID))
		r := s.small(0)
		r.Name, r.Hardware = i.Facts.Name, &profile.Hardware{CPUCount: &two}
		b := must.Get[kind.Blueprint](t)(full.BlueprintOf(ctx, i, r))
		_, err := full.Update(ctx, i.UUID, Change{Blueprint: &b})
		return err
	}
	if refused, is := errors.AsType[finding.List](grow()); !is || len(refused) != 1 ||
		refused[0].Path.String() != "hardware_profile.cpu_count" {
		t.Errorf("an instance that grows on a full host: %v", refused)
	}
	for i, err := range errs {
		if err == nil && made[i].UUID != one.UUID {
			if err := full.Delete(ctx, 0, made[i].UUID, "default", made[i].Facts.Name, hostid.ID{}); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if err := grow(); err != nil {
		t.Error(err)
	}
	if room := must.Get[Room](t)(full.Room(ctx)); room.VCPUs.Free() != 0 {
		t.Errorf("the room is %+v", room)
	}
}

// small is a request for an instance that is not started.
func (s stressed) small(n int) kind.Request {
	return kind.Request{
		Name: fmt.Sprintf("%s-%d", s.Pool, n), Template: stressTemplate, Version: stressVersions[0],
		Strategy: "linked_clone",
	}
}
