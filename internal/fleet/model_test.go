package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// The environment of a longer run, or of one that is to be repeated.
const (
	envRounds = "NOVACRON_TEST_ROUNDS" // how many rounds; default: fewRounds
	envSeed   = "NOVACRON_TEST_SEED"   // of the first round, as the name of a failed test has it; default: 1
)

// fewRounds is how many rounds there are by default.
const fewRounds = 8

const (
	timeout = 10 * time.Minute
	late    = timeout + 2*lease.Slack // by then, whatever a process has claimed is no longer its own
)

// Whatever processes create, change and remove at the same time, die at and find silent: no host has more
// than it may have, a name is one over all hosts, the instances of a strict group are apart, and no instance is
// forgotten. Once all is settled, each
// instance has its placement, and each placement its instance. Once all is removed, nothing is left.
func TestAnyOrderOfEventsIsSettled(t *testing.T) {
	first := number(t, envSeed, 1)
	for n := range number(t, envRounds, fewRounds) {
		seed := first + n
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			limits := provision.Limits{VCPUs: 100, Memory: mostMemory / float64(64<<10)}
			inWorld(t, limits, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
				e := &events{
					world: w, draw: rand.New(rand.NewPCG(seed, 0)), state: map[string]known{}, dead: leasetest.Dead(t),
				}
				defer func() {
					if t.Failed() {
						t.Log(strings.Join(e.past, "\n"))
					}
				}()
				for range 30 {
					if e.next(t); e.within(t) {
						return
					}
				}
				e.settle(t)
				e.end(t)
			})
		})
	}
}

// mostMemory is what the domains of a host may have together, in MiB.
const mostMemory = 8 << 10

// events happen to a world.
type events struct {
	*world
	draw *rand.Rand
	dead string // the name of a dead process
	past []string
	lost string // a host that is lost; "" for none

	mu    sync.Mutex
	state map[string]known // as states of Terraform have instances, by name
}

// known is an instance that a state has.
type known struct {
	uuid, on string
	going    bool // its removal has begun
}

// next makes one thing happen: some processes work at once, one dies, or hosts fall silent or speak again.
func (e *events) next(t *testing.T) {
	switch n := e.draw.IntN(10); {
	case n < 2:
		for name, h := range e.hosts {
			if name == e.lost {
				continue
			}
			h.Inject = nil
			if e.draw.IntN(4) == 0 && name != "a" {
				h.Inject = silent
				e.note("host %s falls silent", name)
			}
		}
	case n < 5:
		e.dies(t)
	default:
		var group sync.WaitGroup
		names := e.draw.Perm(8)[:1+e.draw.IntN(5)]
		for _, n := range names {
			work := e.work(fmt.Sprintf("i%d", n))
			group.Go(func() { e.judge(t, work(t)) })
		}
		group.Wait()
	}
}

func (e *events) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.past = append(e.past, fmt.Sprintf(format, args...))
}

// dies lets a process die at one of its requests. Whether the host has carried out the last one is drawn.
func (e *events) dies(t *testing.T) {
	victim, at, lost := fmt.Sprintf("i%d", e.draw.IntN(8)), 1+e.draw.IntN(60), e.draw.IntN(2) == 0
	work := e.work(victim)
	_, known := e.state[victim]
	before := map[string]func(fakehost.Call) fakehost.Fault{}
	var asked atomic.Int64
	for name, h := range e.hosts {
		before[name] = h.Inject
		h.Inject = func(c fakehost.Call) fakehost.Fault {
			switch n := int(asked.Add(1)); {
			case n > at || n == at && !lost:
				return fakehost.Fault{Before: host.ErrUnreachable}
			case before[name] != nil:
				return before[name](c)
			case n == at:
				return fakehost.Fault{After: host.ErrUnreachable}
			}
			return fakehost.Fault{}
		}
	}
	_ = work(t)
	for name, h := range e.hosts {
		h.Inject = nil
		e.bury(t, h)
		h.Inject = before[name]
	}
	if int(asked.Load()) >= at {
		e.note("  and dies at its request %d", at)
		if !known { // it has not told what it has created
			delete(e.state, victim)
		}
	}
	time.Sleep(late)
}

// bury makes the domains of a process that has died say so.
func (e *events) bury(t *testing.T, h *fakehost.Host) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	domains, _, err := h.AllDomains(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range domains {
		if text := strings.ReplaceAll(d.Metadata, lease.This(), e.dead); text != d.Metadata {
			if err := h.RedefineDomain(ctx, d.UUID, host.DomainChange{Metadata: &text}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// work draws what a process does with an instance.
func (e *events) work(name string) func(t *testing.T) error {
	memory, where := int64(1024*(1+e.draw.IntN(4))), Where{}
	if e.draw.IntN(3) == 0 {
		where.Hosts = []string{e.names[e.draw.IntN(len(e.names))]}
	}
	if e.draw.IntN(2) == 0 {
		where.Policy = catalog.Pack
	}
	where = grouped(name, where)
	e.mu.Lock()
	has, exists := e.state[name]
	e.mu.Unlock()
	grows, f := e.draw.IntN(2) == 0, e.process()
	return func(t *testing.T) error {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		switch {
		case !exists:
			return e.creates(ctx, f, name, memory, where)
		case grows && !has.going:
			return e.grows(ctx, f, name, has, memory)
		default:
			return e.removes(ctx, f, name, has)
		}
	}
}

// grouped adds the group of an instance: some have a strict one, some have one that is not, and some have none.
func grouped(name string, where Where) Where {
	switch name {
	case "i0", "i1", "i2", "i3":
		where.Group, where.Strict = "strict", true
	case "i4", "i5":
		where.Group = "lax"
	}
	return where
}

func (e *events) creates(ctx context.Context, f *Fleet, name string, memory int64, where Where) error {
	i, on, err := create(ctx, f, request(name, memory), where)
	e.note("%s is created with %d MiB where %v: on %q, %v", name, memory, where, on, err)
	if i.UUID == "" {
		return err
	}
	e.mu.Lock()
	e.state[name] = known{i.UUID, on, false}
	e.mu.Unlock()
	return errors.Join(err, f.Confirm(ctx))
}

func (e *events) grows(ctx context.Context, f *Fleet, name string, has known, memory int64) error {
	i, on, err := f.Read(ctx, has.on, has.uuid)
	if errors.Is(err, provision.ErrNotFound) {
		return fmt.Errorf("instance %s is forgotten", name)
	}
	var b kind.Blueprint
	if err == nil {
		b, err = on.BlueprintOf(ctx, i, request(name, memory))
	}
	if err == nil {
		_, err = f.Update(ctx, on, i, provision.Change{Blueprint: &b}, grouped(name, Where{}))
	}
	e.note("%s gets %d MiB: %v", name, memory, err)
	return err
}

func (e *events) removes(ctx context.Context, f *Fleet, name string, has known) error {
	err := f.Delete(ctx, has.on, 0, has.uuid, naming.DefaultTenant, name, hostid.ID{})
	e.note("%s is removed from %s: %v", name, has.on, err)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		delete(e.state, name)
		return nil
	}
	has.going = true
	e.state[name] = has
	return err
}

// judge accepts the errors that processes may meet.
func (e *events) judge(t *testing.T, err error) {
	_, noRoom := errors.AsType[*NoRoomError](err)
	_, full := errors.AsType[*provision.FullError](err)
	_, taken := errors.AsType[*planning.TakenError](err)
	_, together := errors.AsType[*GroupRefusal](err) // what was imported joins its group with its next change
	gone := e.lost != "" && isLost(err)
	if err != nil && !noRoom && !full && !taken && !together && !gone && !host.Unanswered(err) {
		t.Errorf("%v", err)
	}
}

// within checks that no host has too much, that no name is twice there, and that groups are apart. It reports
// whether a test failed.
func (e *events) within(t *testing.T) (failed bool) {
	t.Helper()
	all := map[string]string{}
	for name, h := range e.hosts {
		if name == e.lost {
			continue
		}
		inject := h.Inject
		h.Inject = nil
		var sum uint64
		for _, d := range must.Get[[]host.Allotment](t)(h.Allotments(context.WithoutCancel(t.Context()))) {
			sum += d.Memory >> 20
			if other, twice := all[d.Name]; twice {
				t.Errorf("%s is on %s and on %s", d.Name, other, name)
			}
			all[d.Name] = name
		}
		if sum > mostMemory {
			t.Errorf("host %s has %d MiB", name, sum)
		}
		h.Inject = inject
	}
	inject := e.hosts["a"].Inject // the home
	e.hosts["a"].Inject = nil
	e.apart(t, "now")
	e.hosts["a"].Inject = inject
	return t.Failed()
}

// settle lets all hosts answer and all claims end. Then each instance has its placement, and each placement
// its instance. Those that no state has are imported.
func (e *events) settle(t *testing.T) {
	t.Helper()
	for _, h := range e.hosts {
		h.Inject = nil
	}
	time.Sleep(late)
	e.process().sweep(t.Context())
	var want []string
	for name, h := range e.hosts {
		domains, _, err := h.AllDomains(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range domains {
			want = append(want, fmt.Sprintf("%s on %s (placed)", d.Name, name))
			f := e.process()
			i, on, err := f.Lookup(t.Context(), d.Name)
			if has, exists := e.state[d.Name]; exists && has.uuid != d.UUID {
				t.Errorf("the state has %s as %s, and host %s as %s", d.Name, has.uuid, name, d.UUID)
			} else if err == nil && !exists {
				err = f.Adopt(t.Context(), i, on, nil)
				e.state[d.Name] = known{d.UUID, name, false}
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	slices.Sort(want)
	if got := e.placements(t); !slices.Equal(got, want) {
		t.Errorf("the placements are %q, want %q", got, want)
	}
	for name, has := range e.state {
		_, on, err := e.process().Refresh(t.Context(), has.on, has.uuid)
		if has.going && errors.Is(err, provision.ErrNotFound) {
			continue
		}
		if err != nil || on.Name != has.on {
			t.Errorf("instance %s of host %s: %v", name, has.on, err)
		}
	}
}

// end removes all instances. Nothing is left.
func (e *events) end(t *testing.T) {
	t.Helper()
	f := e.process()
	for name, has := range e.state {
		if err := e.removes(t.Context(), f, name, has); err != nil {
			t.Error(err)
		}
	}
	if left := e.placements(t); len(left) > 0 {
		t.Errorf("the placements %q are left", left)
	}
	for _, name := range e.names {
		if left := e.domains(t, name); len(left) > 0 {
			t.Errorf("host %s has the domains %q", name, left)
		}
	}
	for n := range 8 {
		e.leaves(t, fmt.Sprintf("i%d", n))
	}
}

// number is a number from the environment.
func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	return must.Get[uint64](t)(strconv.ParseUint(text, 10, 64))
}
