// Package placing measures how a fleet of many hosts places instances.
package placing

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/hostfleet"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Limits let each host have many times what the machine has: all hosts are the same machine.
var Limits = provision.Limits{VCPUs: 1000, Memory: 100}

const (
	atOnce   = 16 // creates of Fill
	tries    = 15 // decisions, the median of which counts
	decision = 50 * time.Millisecond
)

// Heading prints the heading of the lines of Decisions.
func Heading() {
	fmt.Printf("Which host gets an instance is decided when the instance's domain begins to be defined. \"cold\" is "+
		"the first\ncreate of a process, \"warm\" the median of %d that follow.\n\n"+
		"| %9s | %9s | %9s | %12s | %9s | %9s |\n|---|---|---|---|---|---|\n",
		tries, "hosts", "instances", "cold", "warm", "whole create", "goal, warm")
}

// Decisions prints how long creates take to choose a host.
func Decisions(ctx context.Context, o hostfleet.Options) error {
	w := &watch{}
	o.Observe = w.observe
	p, err := hostfleet.Open(o)
	if err != nil {
		return err
	}
	defer p.Close()
	var decided, whole []time.Duration
	for n := range tries + 1 {
		name := fmt.Sprintf("decision-%d", n)
		w.begin()
		i, on, err := p.Create(ctx, name, fleet.Where{})
		took := time.Since(w.begun)
		if err != nil {
			return err
		}
		if err := p.Fleet.Delete(ctx, on.Name, 0, i.UUID, naming.DefaultTenant, name, hostid.ID{}); err != nil {
			return err
		}
		decided, whole = append(decided, w.decided), append(whole, took)
	}
	placed, err := p.Store.Placements().List(ctx, "")
	if err != nil {
		return err
	}
	cold := decided[0]
	fmt.Printf("| %9d | %9d | %9s | %12s | %9s | %9s |\n", len(o.Hosts), len(placed), ms(cold), ms(median(decided[1:])),
		ms(median(whole[1:])), "< "+ms(decision))
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", 1e3*d.Seconds()) }

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// watch observes when the host of an instance is decided.
type watch struct {
	mu      sync.Mutex
	begun   time.Time
	decided time.Duration // 0 until the first step on a host has ended
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun, w.decided = time.Now(), 0
}

func (w *watch) observe(_ context.Context, _ string, s step.Step, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.decided == 0 {
		w.decided = time.Since(w.begun) - s.Duration
	}
}

// Fill creates instances until there are that many, and prints how long they take.
func Fill(ctx context.Context, p *hostfleet.Process, all int) error {
	placed, err := p.Store.Placements().List(ctx, "")
	if err != nil {
		return err
	}
	missing := all - len(placed)
	if missing <= 0 {
		return nil
	}
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var mu sync.Mutex
	tenth := begun
	for n := range missing {
		group.Go(func() error {
			_, _, err := p.Create(ctx, fmt.Sprintf("fill-%d", n), fleet.Where{})
			if every := max(missing/10, 1); (n+1)%every == 0 {
				mu.Lock()
				defer mu.Unlock()
				fmt.Printf("%d instances: %.1f ms for each of the last %d.\n", len(placed)+n+1,
					1e3*time.Since(tenth).Seconds()/float64(every), every)
				tenth = time.Now()
			}
			return err
		})
	}
	return group.Wait()
}
