//go:build linux

// Package faults_test disturbs what Terraform does, at every step of it.
package faults_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// The environment that make testfault sets.
const (
	envAll   = "NOVACRON_TEST_FAULTS" // "all": every step, not a few chosen ones
	envTable = "NOVACRON_FAULT_TABLE" // the file that the results are written to
)

// If the provider is killed at any step of any operation, the next apply recovers and destroy
// leaves nothing.
func TestAccKilledAnywhereTheNextApplyConverges(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	from := newSources(t)
	for n := range operations("", from) {
		pool := tfacc.Name("fault")
		op := operations(pool, from)[n]
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			host.Pool(t, pool)
			newBench(t, host, pool, op).run(t, "kill", acctest.Kill)
		})
	}
}

// The same if libvirt's daemon is restarted instead, on a separate host: the provider lives, and
// cleans up itself.
func TestAccRestartedAnywhereTheNextApplyConverges(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	from := newSources(t)
	for n := range operations("", from) {
		if n > 0 && !everything() {
			break
		}
		name := tfacc.Name("again") // short, because pools of containers have short paths
		op := operations(name, from)[n]
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			host := shared.Own(t, fmt.Sprint(n))
			lastingPool(t, host, name)
			newBench(t, host, name, op).run(t, "restart", func(int) { host.Restart(t) })
		})
	}
}

// bench is where one operation is disturbed repeatedly.
type bench struct {
	operation
	host  *acctest.Host
	pool  string
	way   *acctest.Faulty
	space *tfacc.Workspace
	cases int
	// documents are what the undisturbed run has left, without their numbers
	documents []string

	results []string // lines of the table
}

func newBench(t *testing.T, host *acctest.Host, pool string, op operation) *bench {
	b := &bench{operation: op, host: host, pool: pool, way: host.Faulty(t), space: tfacc.NewWorkspace(t, "")}
	t.Cleanup(func() {
		b.end(t)
		b.print(t)
	})
	return b
}

// end removes everything.
func (b *bench) end(t *testing.T) {
	t.Helper()
	b.way.Arm(acctest.Fault{})
	b.configure(t, "")
	b.space.Apply(t)
}

// run counts the steps of an undisturbed run, and then disturbs each.
func (b *bench) run(t *testing.T, how string, do func(int)) {
	steps := b.disturb(t, acctest.Fault{})
	if len(steps) == 0 {
		t.Fatal("the operation changes nothing on the host")
	}
	for n := range steps {
		for _, when := range []acctest.Moment{acctest.Before, acctest.After} {
			if !chosen(n, len(steps)-b.confirms, when) {
				continue
			}
			ok := t.Run(fmt.Sprintf("%s %s step %d", how, when, n+1), func(t *testing.T) {
				b.disturb(t, acctest.Fault{At: n + 1, When: when, Do: do})
			})
			b.note(n+1, steps[n], string(when), how, ok, "converges, nothing left")
		}
	}
}

// chosen picks the steps for a run that has no time for all: one on the way, which never reaches
// the host, and the last of the operation itself, when everything is done and the response is lost.
func chosen(n, of int, when acctest.Moment) bool {
	return everything() || n == of/2 && when == acctest.Before || n == of-1 && when == acctest.After
}

func everything() bool { return os.Getenv(envAll) == "all" }

// disturb runs one case: what comes before, the disturbed apply, and, if that failed, the apply
// that recovers. It returns the steps of the disturbed apply.
func (b *bench) disturb(t *testing.T, fault acctest.Fault) []string {
	t.Helper()
	b.cases++
	name := fmt.Sprintf("%s-%d", b.pool, b.cases)
	b.way.Arm(acctest.Fault{})
	b.configure(t, b.before(name)) // removes the previous case
	b.space.Apply(t)
	if left := b.host.Leftovers(t, b.pool, fmt.Sprintf("%s-%d", b.pool, b.cases-1)); len(left) > 0 {
		t.Errorf("the case before has left %q", left)
	}
	b.configure(t, b.config(name))
	steps := b.recovered(t, fault)
	b.check(t, name)
	return steps
}

// recovered disturbs an apply, and lets the next one recover if it failed. It returns the steps of the
// disturbed apply.
func (b *bench) recovered(t *testing.T, fault acctest.Fault) []string {
	t.Helper()
	b.way.Arm(fault)
	first, err := b.apply(t)
	struck, steps := b.way.Done(), b.way.Steps()
	if !struck && (err != nil || fault.At == 1) {
		t.Fatalf("nothing was disturbed, after the steps %q (%v):\n%s", steps, err, first)
	}
	b.way.Arm(acctest.Fault{})
	if err != nil || b.again {
		if out, err := b.space.Run(t.Context(), "apply", "-auto-approve"); err != nil {
			t.Fatalf("the next apply did not recover (%v):\n%s\n\nThe disturbed apply had said:\n%s",
				err, out, first)
		}
	}
	b.space.EmptyPlan(t)
	return steps
}

// apply applies with a provider that is a process, and can be killed.
func (b *bench) apply(t *testing.T) (output string, err error) {
	out, err := b.space.Command(t.Context(), "apply", "-auto-approve").CombinedOutput()
	return string(out), err
}

// check checks that the host has what it should, and nothing else.
func (b *bench) check(t *testing.T, name string) {
	t.Helper()
	var found []string
	const list = "list --all --name; connect lxc:///system; list --all --name"
	for domain := range strings.FieldsSeq(b.host.Virsh(t, list)) {
		if strings.HasPrefix(domain, b.pool) {
			found = append(found, domain)
		}
	}
	if want := b.domains(name); !slices.Equal(found, want) {
		t.Errorf("the host has the domains %q, want %q", found, want)
	}
	var volumes, documents []string
	bases, snapshots, inits := 0, 0, 0
	for _, left := range b.host.Leftovers(t, b.pool, "nova.") {
		left = left[strings.LastIndexByte(left, '/')+1:]
		document, _, isDocument := naming.ParseDocument(left)
		switch {
		case isDocument:
			documents = append(documents, document)
		case strings.HasSuffix(left, ".map"): // a base goes with its map
		case strings.HasPrefix(left, "nova.base."):
			bases++
		case strings.HasPrefix(left, "nova.warm."):
			snapshots++
		case naming.IsInit(left):
			inits++
		default:
			volumes = append(volumes, left)
		}
	}
	slices.Sort(volumes)
	if want := b.volumes(name); !slices.Equal(volumes, want) || bases != b.bases || snapshots != b.snapshots ||
		inits != b.inits {
		t.Errorf("the pool has %d images, %d volumes of snapshots, %d of process 1 and the volumes %q, want %d, %d, "+
			"%d and %q", bases, snapshots, inits, volumes, b.bases, b.snapshots, b.inits, want)
	}
	slices.Sort(documents)
	documents = slices.Compact(documents)
	if b.documents == nil {
		b.documents = append([]string{}, documents...)
	}
	if !slices.Equal(documents, b.documents) {
		t.Errorf("the pool has the documents %q, want %q", documents, b.documents)
	}
}

// provider configures the provider for the connection that can fail.
func (b *bench) provider() string {
	return tfconfig.Provider{URI: b.way.URI, Pool: b.pool, DomainType: b.host.DomainType}.String()
}

func (b *bench) configure(t *testing.T, config string) {
	t.Helper()
	b.space.Configure(t, b.provider()+config)
}

// note keeps a line of the table of results.
func (b *bench) note(number int, step, when, how string, ok bool, good string) {
	if !ok {
		good = "**fails**"
	}
	b.results = append(b.results, fmt.Sprintf("| %s | %d. %s | %s | %s | %s |\n",
		b.name, number, step, when, how, good))
}

var table sync.Mutex

// print adds the results to the table, if one is requested.
func (b *bench) print(t *testing.T) {
	path := os.Getenv(envTable)
	if path == "" {
		return
	}
	table.Lock()
	defer table.Unlock()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) // all users may read it
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	if _, err := file.WriteString(strings.Join(b.results, "")); err != nil {
		t.Error(err)
	}
}
