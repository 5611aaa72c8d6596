package catalogstores

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

const (
	colds = 7  // rounds over a new connection; the median counts
	warms = 41 // rounds over a connection that was used before
	// rest is the time after which a store no longer trusts earlier answers.
	rest = 1100 * time.Millisecond
)

// Measure fills stores with libraries of these numbers of templates, and prints how long work in
// them takes.
func Measure(ctx context.Context, backends []Backend, sizes []int) error {
	fmt.Printf("Catalogs of %d tenants, %d versions a template. Medians: \"cold\" is the first request of a new "+
		"connection, \"after a\nrest\" one more than a second after the last, \"warm\" one right after another, with "+
		"the slowest of %d behind it.\n\n", tenants, history, warms)
	for _, b := range backends {
		for _, size := range sizes {
			if err := b.measure(ctx, size); err != nil {
				return fmt.Errorf("%s, %d templates: %w", b.Name, size, err)
			}
		}
	}
	return nil
}

// work is something that users often do.
type work struct {
	name string
	goal time.Duration
	do   func(ctx context.Context, store catalog.Store, size, round int) error
}

var works = []work{
	{"search what a tenant sees", 100 * time.Millisecond, search},
	{"resolve a constraint", 10 * time.Millisecond, resolve},
	{"list a history", 20 * time.Millisecond, list},
}

func (b Backend) measure(ctx context.Context, size int) error {
	place, err := b.Make(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := b.with(ctx, place, func(s catalog.Store) error { return fill(ctx, s, size) }); err != nil {
		return err
	}
	took := time.Since(begun)
	about, err := b.Size(ctx, place)
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d templates, %d versions: filled in %.1f s, %s\n\n",
		b.Name, size, size*history, took.Seconds(), about)
	fmt.Printf("| %-44s | %9s | %12s | %9s | %9s | %9s |\n|---|---|---|---|---|---|\n",
		"work", "cold", "after a rest", "warm", "slowest", "goal")
	for _, w := range works {
		if err := b.line(ctx, place, size, w); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return b.crowd(ctx, place)
}

// line measures one kind of work and prints its line.
func (b Backend) line(ctx context.Context, place string, size int, w work) error {
	var cold, rested, warm []time.Duration
	timed := func(s catalog.Store, round int, times *[]time.Duration) error {
		begun := time.Now()
		err := w.do(ctx, s, size, round)
		*times = append(*times, time.Since(begun))
		return err
	}
	for round := range colds {
		if err := b.with(ctx, place, func(s catalog.Store) error { return timed(s, round, &cold) }); err != nil {
			return err
		}
	}
	err := b.with(ctx, place, func(s catalog.Store) error {
		for round := range colds {
			if round > 0 {
				time.Sleep(rest)
			}
			if err := timed(s, round, &rested); err != nil {
				return err
			}
		}
		for round := range warms {
			if err := timed(s, round, &warm); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	rested = rested[1:] // the first round used a new connection
	slices.Sort(warm)
	fmt.Printf("| %-44s | %9s | %12s | %9s | %9s | %9s |\n",
		w.name, ms(median(cold)), ms(median(rested)), ms(median(warm)), ms(warm[len(warm)-1]), "< "+ms(w.goal))
	return nil
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func ms(d time.Duration) string {
	if d >= 20*time.Millisecond {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
}

// search finds the templates of a distribution that a tenant can see and that contain a word.
func search(ctx context.Context, store catalog.Store, size, round int) error {
	tenant, want := templateID(round%size).Tenant, size
	visible := func(t catalog.Template) bool {
		return t.ID.Tenant == tenant || t.Public || slices.Contains(t.Access.UseTenants, tenant)
	}
	if s, ok := store.(interface{ Tenant() string }); ok { // the store shows only what that tenant can see
		tenant, want = s.Tenant(), 0
		for n := range size {
			if t := template(n); t.ID.Tenant == tenant || visible(t) && t.State != catalog.Draft {
				want++
			}
		}
	}
	records, err := catalog.TemplateHeads(ctx, store, "")
	if err != nil {
		return err
	}
	found := 0
	for _, rec := range records {
		t := rec.Value
		if visible(t) && t.State == catalog.Active && t.Labels["os"] == "linux" &&
			strings.Contains(t.ID.Name+t.DisplayName+t.Description, "server") {
			found++
		}
	}
	if len(records) != want || found == 0 {
		return fmt.Errorf("%d templates are there, want %d, and %s sees %d", len(records), want, tenant, found)
	}
	return nil
}

// someTemplate returns the id of a template in the library; of the store's tenant if the store
// shows only what one tenant can see.
func someTemplate(store catalog.Store, size, round int) catalog.TemplateID {
	if _, ok := store.(interface{ Tenant() string }); ok { // its own
		return templateID(round * 7 % ((size + tenants - 1) / tenants) * tenants)
	}
	return templateID(round * 7 % size)
}

// resolve picks the newest version that a constraint allows.
func resolve(ctx context.Context, store catalog.Store, size, round int) error {
	names, err := versionsOf(ctx, store, someTemplate(store, size, round))
	if err != nil {
		return err
	}
	constraint, err := catalog.ParseConstraint("~> 4.0")
	if err != nil {
		return err
	}
	if got := catalog.Newest(names, constraint); got != "4.4.1" {
		return fmt.Errorf("resolved to %q, want 4.4.1", got)
	}
	return nil
}

// list lists the versions of a template, newest first.
func list(ctx context.Context, store catalog.Store, size, round int) error {
	names, err := versionsOf(ctx, store, someTemplate(store, size, round))
	if err != nil {
		return err
	}
	catalog.SortVersions(names)
	if len(names) != history || names[0] != "9.4.1" {
		return fmt.Errorf("%d versions, want %d, newest first", len(names), history)
	}
	return nil
}

func versionsOf(ctx context.Context, store catalog.Store, id catalog.TemplateID) ([]string, error) {
	records, err := store.Versions().List(ctx, id.String()+"@")
	names := make([]string, len(records))
	for i, rec := range records {
		names[i] = rec.Value.ID.Version
	}
	return names, err
}

// Sizes returns the sizes that are measured by default. The goals are for a thousand templates.
func Sizes() []int { return []int{10, 100, 1000, 10_000} }
