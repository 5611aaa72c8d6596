package fleet_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/hostfleet"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/sessionhosts"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

const (
	crowdHosts = 5
	gold       = "gold" // the resource pool of the instances
)

// Many processes create instances of the same names, remove them, and are killed. No host is ever given more
// than it may have, no quota is exceeded, and a name has one instance. Once each process that was killed has
// been run again, nothing is left but what a process knows of.
func TestAccManyProcessesKeepToLimitsAndNames(t *testing.T) {
	if os.Getenv("TF_ACC") != "1" {
		t.Skip("an acceptance test: needs TF_ACC=1")
	}
	processes, creates := 8, 10
	if os.Getenv("NOVACRON_TEST_FAULTS") == "all" {
		processes, creates = 32, 100
	}
	hosts := sessionhosts.Run(t, crowdHosts)
	for name, database := range map[string]bool{"catalog in a pool": false, "catalog in a database": true} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, hosts, database, processes*creates/3)
			c.run(t, processes, creates)
			c.settle(t)
			c.end(t)
		})
	}
}

// crowd is where many processes work.
type crowd struct {
	options hostfleet.Options
	process *hostfleet.Process // of the test itself
	places  int                // on each host
	quota   int
	names   int
	history *history
}

// newCrowd prepares a catalog in which there are a third as many places as names, and a quota that is
// smaller than that.
func newCrowd(t *testing.T, hosts *sessionhosts.Hosts, database bool, places int) *crowd {
	t.Helper()
	c := &crowd{
		places: max(places/crowdHosts, 1), history: newHistory(), options: hostfleet.Options{Hosts: hosts.All},
	}
	conn := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: hosts.All[0].URI}))
	defer conn.Close()
	memory := float64(must.Get[host.Info](t)(conn.Info(t.Context())).MemoryMiB)
	c.options.Limits = provision.Limits{Memory: float64(c.places*hostfleet.MemoryMiB) / memory}
	c.quota, c.names = c.places*crowdHosts*9/10, 3*c.places*crowdHosts
	var admin catalog.Store
	if database {
		role, dsn := pgtest.Role("nova"), pgtest.Database(t)
		must.Get[pgstore.Prepared](t)(pgstore.Init(t.Context(), dsn(pgtest.Superuser),
			map[string]string{naming.DefaultTenant: role}))
		c.options.DSN = dsn(role)
		owner := must.Get[*pgstore.Store](t)(pgstore.New(pgstore.Options{DSN: dsn(pgtest.Superuser)}))
		t.Cleanup(owner.Close)
		admin = owner
	}
	c.process = must.Get[*hostfleet.Process](t)(hostfleet.Open(c.options))
	t.Cleanup(c.process.Close)
	if admin == nil {
		admin = c.process.Store
	}
	image := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(image, hostfleet.Image(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.process.Prepare(t.Context(), image); err != nil {
		t.Fatal(err)
	}
	must.Get[catalog.Record[catalog.ResourcePool]](t)(admin.ResourcePools().Create(t.Context(), gold,
		catalog.ResourcePool{
			Name: gold, Hosts: c.process.Fleet.Names(),
			Tenants: map[string]catalog.Quota{naming.DefaultTenant: {Instances: new(int64(c.quota))}},
		}))
	return c
}

// run lets processes work until each has tried to create that many instances. Meanwhile, some are killed, and
// the quota is watched.
func (c *crowd) run(t *testing.T, processes, creates int) {
	all := make([]*worker, processes)
	ended := make(chan error, processes)
	for n := range all {
		all[n] = &worker{
			Options: c.options, Seed: uint64(n + 1), Creates: creates, Names: c.names, history: c.history,
		}
		go func() { ended <- all[n].runs(t.Context()) }()
	}
	draw, tick := rand.New(rand.NewPCG(1, 2)), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for kills, left := 2*processes, processes; left > 0; {
		select {
		case err := <-ended:
			left--
			if err != nil {
				t.Error(err)
			}
		case <-tick.C:
			c.within(t)
			if kills > 0 && c.history.since(draw.IntN(2*processes)) { // the processes have done that much
				kills--
				all[draw.IntN(processes)].kill()
			}
		}
	}
	for _, wrong := range c.history.wrong() {
		t.Error(wrong)
	}
	t.Log(c.history)
}

// within checks the quota, which holds at any time.
func (c *crowd) within(t *testing.T) {
	t.Helper()
	if placed := c.placements(t); len(placed) > c.quota {
		t.Errorf("%d instances count, of a quota of %d", len(placed), c.quota)
	}
}

func (c *crowd) placements(t *testing.T) []catalog.Record[catalog.Placement] {
	t.Helper()
	return must.Get[[]catalog.Record[catalog.Placement]](t)(c.process.Store.Placements().List(t.Context(), ""))
}

// settle does what the next applies of processes that were killed do: each creates again what it was creating,
// and removes again what it was removing. By then, no host has too much, and each instance has its placement.
func (c *crowd) settle(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for work, known := range c.history.unfinished() {
		var err error
		if known.UUID == "" {
			err = c.creates(ctx, work.process, work.name)
		} else {
			err = c.process.Fleet.Delete(ctx, known.Host, 0, known.UUID, naming.DefaultTenant, work.name, hostid.ID{})
		}
		if err != nil && !refused(err) {
			t.Errorf("%s, which a process that was killed had begun: %v", work.name, err)
		}
	}
	placed, there := map[string]string{}, map[string]string{} // the host by name
	for _, rec := range c.placements(t) {
		placed[rec.Value.Name] = rec.Value.Host
	}
	for n, conn := range c.process.Conns {
		all, name := must.Get[[]host.Allotment](t)(conn.Allotments(ctx)), c.options.Hosts[n].Name
		if len(all) > c.places {
			t.Errorf("host %s has %d instances, and %d places", name, len(all), c.places)
		}
		for _, a := range all {
			if other, twice := there[a.Name]; twice {
				t.Errorf("%s is on host %s, and on host %s", a.Name, other, name)
			}
			there[a.Name] = name
		}
	}
	if !maps.Equal(placed, there) {
		t.Errorf("the placements are %v, and the domains %v", placed, there)
	}
	known := c.history.known()
	for name := range there {
		if _, is := known[name]; !is {
			t.Errorf("no process knows of %s", c.history.of(name))
		}
	}
	for name := range known {
		if _, is := there[name]; !is {
			t.Errorf("no host has %s", c.history.of(name))
		}
	}
}

// creates creates an instance as the next apply does, which gets to know of it.
func (c *crowd) creates(ctx context.Context, process uint64, name string) error {
	i, on, err := c.process.Create(ctx, name, inGold)
	if i.UUID != "" {
		c.history.note(process, event{Do: created, Name: name, UUID: i.UUID, Host: on.Name})
		err = errors.Join(err, c.process.Fleet.Confirm(ctx))
	}
	return err
}

// end removes all instances. Nothing is left of them.
func (c *crowd) end(t *testing.T) {
	t.Helper()
	ctx, p := t.Context(), must.Get[*hostfleet.Process](t)(hostfleet.Open(c.options)) // of another apply
	defer p.Close()
	for name, known := range c.history.known() {
		err := p.Fleet.Delete(ctx, known.Host, 0, known.UUID, naming.DefaultTenant, name, hostid.ID{})
		if err != nil {
			t.Error(err)
		}
	}
	if left := c.placements(t); len(left) > 0 {
		t.Errorf("the placements %v are left", left)
	}
	for n, conn := range c.process.Conns {
		name := c.options.Hosts[n].Name
		if left := must.Get[[]host.Allotment](t)(conn.Allotments(ctx)); len(left) > 0 {
			t.Errorf("host %s has the domains %v", name, left)
		}
		left := must.Get[[]string](t)(conn.VolumeNames(ctx, sessionhosts.Pool))
		left = slices.DeleteFunc(left, func(v string) bool {
			return !strings.HasPrefix(v, "nova.disk.") && !strings.HasPrefix(v, "nova.seed.")
		})
		if len(left) > 0 {
			t.Errorf("host %s has the volumes %q", name, left)
		}
	}
	if err := c.process.Library.RemoveVersion(ctx, hostfleet.Template.Version(hostfleet.Version)); err != nil {
		t.Error(err)
	}
	if err := c.process.Library.DeleteTemplate(ctx, hostfleet.Template); err != nil {
		t.Error(err)
	}
}
