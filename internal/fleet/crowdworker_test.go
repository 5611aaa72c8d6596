package fleet_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/hostfleet"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// envWorker makes this binary a process of a crowd. It has a worker, as JSON.
const envWorker = "NOVACRON_TEST_FLEET_WORKER"

// workTime is how long a process may work.
const workTime = 20 * time.Minute

var inGold = fleet.Where{Pool: gold}

func TestMain(m *testing.M) {
	text := os.Getenv(envWorker)
	if text == "" {
		os.Exit(pgtest.Run(m))
	}
	var w worker
	err := json.Unmarshal([]byte(text), &w)
	if err == nil {
		err = w.work(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// worker is a process that creates and removes instances, of names that others create, too.
type worker struct {
	Options hostfleet.Options
	Seed    uint64
	Creates int // that are still to be tried
	Names   int
	State   map[string]known // what it has created, by name
	Begun   string           // what it was creating when it was killed; "" for nothing

	history *history // of the whole crowd

	mu      sync.Mutex
	process *os.Process
}

// known is an instance as a process knows of it.
type known struct{ UUID, Host string }

// What a process does with an instance.
const (
	creating = "creating"
	created  = "created"
	declined = "declined"
	removing = "removing"
	removed  = "removed"
	failed   = "failed"
)

// event is what a process writes before and after it does something.
type event struct {
	Do         string
	Name       string
	UUID, Host string // of an instance that was created
	Error      string // why it was declined, or failed
}

// work is what the process does.
func (w *worker) work(to io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), workTime)
	defer cancel()
	say := json.NewEncoder(to)
	draw := rand.New(rand.NewPCG(w.Seed, uint64(w.Creates)))
	if w.State == nil {
		w.State = map[string]known{}
	}
	for w.Creates > 0 && ctx.Err() == nil {
		name := cmp.Or(w.Begun, w.next(draw))
		w.Begun = ""
		if err := w.apply(ctx, say, name); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// apply creates an instance, or removes one that the state has. Each apply opens the fleet for itself, as a process
// of Terraform does: what a create has taken over, the same apply does not remove.
func (w *worker) apply(ctx context.Context, say *json.Encoder, name string) error {
	p, err := hostfleet.Open(w.Options)
	if err != nil {
		return err
	}
	defer p.Close()
	if has, there := w.State[name]; there {
		return w.remove(ctx, p, say, name, has)
	}
	return w.create(ctx, p, say, name)
}

// next draws the instance that is created or removed next. A create that is refused waits for seconds, as
// Terraform may remove something, so half of what is created is removed soon.
func (w *worker) next(draw *rand.Rand) string {
	if own := slices.Sorted(maps.Keys(w.State)); len(own) > 0 && draw.IntN(2) == 0 {
		return own[draw.IntN(len(own))]
	}
	return fmt.Sprintf("i%04d", draw.IntN(w.Names))
}

func (w *worker) create(ctx context.Context, p *hostfleet.Process, say *json.Encoder, name string) error {
	w.Creates--
	if err := say.Encode(event{Do: creating, Name: name}); err != nil {
		return err
	}
	i, on, err := p.Create(ctx, name, inGold)
	switch {
	case err == nil:
		w.State[name] = known{i.UUID, on.Name}
		err := say.Encode(event{Do: created, Name: name, UUID: i.UUID, Host: on.Name})
		return errors.Join(err, p.Fleet.Confirm(ctx))
	case refused(err):
		return say.Encode(event{Do: declined, Name: name, Error: err.Error()})
	}
	return say.Encode(event{Do: failed, Name: name, Error: "creating: " + err.Error()})
}

func (w *worker) remove(ctx context.Context, p *hostfleet.Process, say *json.Encoder, name string, has known) error {
	if err := say.Encode(event{Do: removing, Name: name}); err != nil {
		return err
	}
	delete(w.State, name)
	err := p.Fleet.Delete(ctx, has.Host, 0, has.UUID, naming.DefaultTenant, name, hostid.ID{})
	if err != nil {
		return say.Encode(event{Do: failed, Name: name, Error: "removing: " + err.Error()})
	}
	return say.Encode(event{Do: removed, Name: name})
}

// refused reports whether an error says that there is no place, no quota, or no such name to be had.
func refused(err error) bool {
	_, noRoom := errors.AsType[*fleet.NoRoomError](err)
	_, full := errors.AsType[*provision.FullError](err)
	_, taken := errors.AsType[*planning.TakenError](err)
	_, quota := errors.AsType[*fleet.QuotaRefusal](err)
	return noRoom || full || taken || quota
}

// runs runs the process, and again whenever it was killed.
func (w *worker) runs(ctx context.Context) error {
	for {
		text, err := json.Marshal(w)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), envWorker+"="+string(text))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			return err
		}
		w.started(cmd.Process)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if err := w.hears(lines.Bytes()); err != nil {
				return err
			}
		}
		w.started(nil)
		if err := cmd.Wait(); err == nil {
			return nil
		} else if cmd.ProcessState.Exited() {
			return fmt.Errorf("process %d: %w\n%s", w.Seed, err, &stderr)
		}
	}
}

// hears notes what the process writes.
func (w *worker) hears(line []byte) error {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	if w.State == nil {
		w.State = map[string]known{}
	}
	switch w.Begun = ""; e.Do {
	case creating:
		w.Creates--
		w.Begun = e.Name
	case created:
		w.State[e.Name] = known{e.UUID, e.Host}
	case removed:
		delete(w.State, e.Name)
	case removing:
		w.Begun = e.Name // the next process goes on
	}
	w.history.note(w.Seed, e)
	return nil
}

func (w *worker) started(p *os.Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process = p
}

// kill kills the process, if it runs.
func (w *worker) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process != nil && w.process.Kill() == nil {
		w.history.killed()
	}
}
