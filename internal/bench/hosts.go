package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/hostfleet"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/sessionhosts"
	"github.com/novacron/terraform-provider-novacron/internal/bench/placing"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

// What is measured by default, and its goals.
const (
	allHosts     = 200
	allInstances = 10_000 // on all hosts
	stateSize    = 1000   // instances of one configuration
	fewInstances = 100    // while the number of hosts grows
	hostRounds   = 3      // of plans

	planAim     = 1.3 // against the empty provider
	silentHosts = 10
)

// manyHosts is where a fleet of many hosts is measured.
type manyHosts struct {
	*bench
	hosts *sessionhosts.Hosts
	all   int    // instances, in the end
	dsn   string // of the catalog
}

// hosts measures a fleet of many hosts. The arguments are how many hosts there are, and how many instances
// on all of them.
func hosts(args []string) error {
	numbers := []int{allHosts, allInstances}
	for i, arg := range args[:min(len(args), len(numbers))] {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of hosts or instances", arg)
		}
		numbers[i] = n
	}
	b, err := newHostBench()
	if err != nil {
		return err
	}
	defer b.close()
	begun := time.Now()
	all, err := sessionhosts.Start(numbers[0])
	if err != nil {
		return err
	}
	defer all.Stop()
	fmt.Printf("%d hosts: libvirt daemons of one machine, which started in %.1f s. The catalog is in PostgreSQL. "+
		"\"floor\" is the\nempty provider, or the idle one, as in the other parts.\n\n",
		len(all.All), time.Since(begun).Seconds())
	server, err := pgtest.Start()
	if err != nil {
		return err
	}
	defer server.Stop()
	m := &manyHosts{bench: b, hosts: all, all: numbers[1], dsn: pgtest.DSN(server.Directory, "postgres", "bench")}
	admin := pgtest.DSN(server.Directory, "postgres", pgtest.Superuser)
	ctx := context.Background()
	if _, err := pgstore.Init(ctx, admin, map[string]string{naming.DefaultTenant: "bench"}); err != nil {
		return err
	}
	return m.measure(ctx)
}

// newHostBench is a place without a test host.
func newHostBench() (*bench, error) {
	bin, err := env("NOVACRON_BENCH_BIN")
	if err != nil {
		return nil, err
	}
	b := &bench{}
	if b.dir, err = os.MkdirTemp("", "novacron-bench-"); err != nil {
		return nil, err
	}
	rc, err := b.overrides("terraform.rc", bin)
	if err == nil {
		b.idleRC, err = b.overrides("idle.rc", filepath.Join(bin, "idle"))
	}
	b.tf = &terraform{dir: b.dir, rc: rc}
	return b, err
}

func (m *manyHosts) measure(ctx context.Context) error {
	image := filepath.Join(m.dir, "disk.img")
	if err := os.WriteFile(image, hostfleet.Image(), 0o600); err != nil {
		return err
	}
	p, err := m.open(m.hosts.All)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Prepare(ctx, image); err != nil {
		return err
	}
	placing.Heading()
	var rows []row
	size := min(stateSize, m.all)
	for _, n := range []int{1, 20, len(m.hosts.All)} {
		if n > len(m.hosts.All) {
			continue
		}
		few, err := m.onHosts(ctx, n, min(fewInstances, size))
		if err != nil {
			return err
		}
		rows = append(rows, few...)
	}
	fmt.Println()
	w, more, err := m.state(size)
	if err != nil {
		return err
	}
	rows = append(rows, more...)
	if err := placing.Fill(ctx, p, m.all); err != nil {
		return err
	}
	if err := m.decisions(ctx, m.hosts.All); err != nil {
		return err
	}
	more, err = m.plans(w, size,
		fmt.Sprintf("plan %d of %d instances on %d hosts", size, m.all, len(m.hosts.All)), planAim)
	if err != nil {
		return err
	}
	rows = append(rows, more...)
	if err := m.silent(w, size, more[0].ours); err != nil {
		return err
	}
	fmt.Println()
	heading("plain")
	return printed(rows, nil)
}

func (m *manyHosts) open(on []sessionhosts.Host) (*hostfleet.Process, error) {
	return hostfleet.Open(hostfleet.Options{Hosts: on, DSN: m.dsn, Limits: placing.Limits})
}

// onHosts measures what some instances take when a configuration has that many hosts.
func (m *manyHosts) onHosts(ctx context.Context, hosts, size int) ([]row, error) {
	on := m.hosts.All[:hosts]
	if err := m.decisions(ctx, on); err != nil {
		return nil, err
	}
	w := m.tf.workspace(fmt.Sprintf("on%d", hosts), "")
	if _, err := m.tf.applied(w, m.config(on, fmt.Sprintf("on%d", hosts), size)); err != nil {
		return nil, err
	}
	return m.plans(w, size, fmt.Sprintf("plan %d instances on %d hosts", size, hosts), 0)
}

// decisions prints how long it takes to decide which of these hosts gets an instance.
func (m *manyHosts) decisions(ctx context.Context, on []sessionhosts.Host) error {
	return placing.Decisions(ctx, hostfleet.Options{Hosts: on, DSN: m.dsn, Limits: placing.Limits})
}

// state creates a configuration of many instances, counts what a plan of it asks the hosts, and measures
// the plan.
func (m *manyHosts) state(size int) (w string, rows []row, err error) {
	const name = "many"
	w = m.tf.workspace(name, "")
	made, err := m.tf.applied(w, m.config(m.hosts.All, name, size))
	if err != nil {
		return w, nil, err
	}
	fmt.Printf("An apply of %d instances: %.1f s.\n", size, made.took.Seconds())
	if err := m.count(w, name, size); err != nil {
		return w, nil, err
	}
	rows, err = m.plans(w, size, fmt.Sprintf("plan %d instances on %d hosts", size, len(m.hosts.All)), planAim)
	return w, rows, err
}

// count prints how many requests a plan makes.
func (m *manyHosts) count(w, name string, size int) error {
	counted, err := m.hosts.Count()
	if err != nil {
		return err
	}
	defer counted.Close()
	m.tf.configure(w, m.config(counted.All, name, size))
	defer func() { m.tf.configure(w, m.config(m.hosts.All, name, size)) }()
	s, err := m.tf.timed(w, "plan", "-detailed-exitcode")
	if err != nil {
		return err
	}
	calls, sum, most := counted.Calls(), 0, 0
	for _, of := range calls {
		n := sessionhosts.Sum(of)
		sum, most = sum+n, max(most, n)
	}
	fmt.Printf("A plan of them with nothing to do: %.1f s, %d requests to %d hosts, goal: at most %d; at most %d to "+
		"one host.\n", s.took.Seconds(), sum, len(calls), 2*size+3*len(calls), most)
	return nil
}

// plans measures plans of a workspace that have nothing to do.
func (m *manyHosts) plans(w string, size int, work string, aim float64) ([]row, error) {
	empty := m.tf.workspace(fmt.Sprintf("emptyplan%d", size), emptyThings(size))
	if _, err := m.tf.timed(empty, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	times, err := mediansOf(hostRounds,
		once(func() (sample, error) { return m.tf.timed(w, "plan", "-detailed-exitcode") }),
		once(func() (sample, error) { return m.tf.timed(empty, "plan", "-detailed-exitcode") }),
		once(func() (sample, error) { return m.tf.timedWith(m.idleRC, w, "plan", "-detailed-exitcode") }))
	if err != nil {
		return nil, err
	}
	return []row{
		{work: work, ours: times[0][0], floor: times[1][0], against: "empty provider", aim: aim},
		{work: work, ours: times[0][0], floor: times[2][0], against: "idle provider"},
	}, nil
}

// silent measures a plan while some hosts stand still.
func (m *manyHosts) silent(w string, size int, usual sample) (err error) {
	n := min(silentHosts, len(m.hosts.All)-1)
	still := m.hosts.All[len(m.hosts.All)-n:]
	for _, h := range still {
		if err := h.Freeze(); err != nil {
			return err
		}
	}
	defer func() {
		for _, h := range still {
			err = errors.Join(err, h.Thaw())
		}
	}()
	m.tf.configure(w, m.config(m.hosts.All, "many", size, `unreachable_hosts = "keep"`))
	took, err := m.tf.timed(w, "plan")
	if err != nil {
		return err
	}
	fmt.Printf("The plan while %d hosts stand still: %.1f s, which is %.1f s longer. Goal: once the time that a host "+
		"has to answer, 60 s.\n", n, took.took.Seconds(), (took.took - usual.took).Seconds())
	return nil
}

// config is a number of instances on some hosts.
func (m *manyHosts) config(on []sessionhosts.Host, name string, n int, settings ...string) string {
	var b strings.Builder
	b.WriteString("terraform {\n  required_providers {\n    novacron = { source = \"novacron/novacron\" }\n  }\n}\n")
	fmt.Fprintf(&b, "provider \"novacron\" {\n  domain_type = \"qemu\"\n"+
		"  catalog = { host = %q, postgres = { dsn = %q } }\n", on[0].Name, m.dsn)
	for _, s := range settings {
		fmt.Fprintf(&b, "  %s\n", s)
	}
	b.WriteString("  hosts = {\n")
	for _, h := range on {
		fmt.Fprintf(&b, "    %s = { uri = %q, overcommit = { vcpus = 1000, memory = 100 } }\n", h.Name, h.URI)
	}
	fmt.Fprintf(&b, `  }
}
resource "novacron_instance" %[1]q {
  count       = %[2]d
  name        = "%[1]s-${count.index}"
  template_id = %[3]q
  version     = %[4]q
  power_state = "stopped"
  wait_for    = []
}
`, name, n, hostfleet.Template, hostfleet.Version)
	return b.String()
}
