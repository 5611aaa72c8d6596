package catalogstores

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

const (
	crowdSize   = 16 // processes
	crowdWrites = 10 // versions that each process registers at once, as terraform does, with three changes each
)

// crowd starts many processes that write to one tenant's library at once. Each writes a template
// and its versions.
func (b Backend) crowd(ctx context.Context, place string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	begun := time.Now()
	var group errgroup.Group
	for n := range crowdSize {
		group.Go(func() error {
			out, err := exec.CommandContext(ctx, self, "catalog-writer", b.Name, place,
				strconv.Itoa(n)).CombinedOutput()
			if err != nil {
				return fmt.Errorf("writer %d: %w\n%s", n, err, out)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(begun)
	kept := 0
	err = b.with(ctx, place, func(store catalog.Store) error {
		records, err := store.Versions().List(ctx, crowdTemplate(0).Tenant+"/crowd-")
		for _, rec := range records {
			if rec.Value.State == catalog.Active && rec.Value.Description == "registered" {
				kept++
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	const all, goal = crowdSize * crowdWrites, "none lost"
	if kept != all {
		return fmt.Errorf("%d of %d versions are there as they were written last", kept, all)
	}
	fmt.Printf("| %-44s | %60s |\n\n", fmt.Sprintf("%d processes, one tenant, %d writes each",
		crowdSize, 3*crowdWrites+2),
		fmt.Sprintf("%.1f s, %d lost; goal: %s", took.Seconds(), all-kept, goal))
	return nil
}

func crowdTemplate(n int) catalog.TemplateID {
	return catalog.TemplateID{Tenant: templateID(0).Tenant, Name: fmt.Sprintf("crowd-%d", n)}
}

// Writer is one process of a crowd. args are the store's name, its place, and the number of the
// process.
func Writer(ctx context.Context, backends []Backend, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("a writer is given a store, a place and a number, not %q", strings.Join(args, " "))
	}
	b, err := find(backends, args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	return b.with(ctx, args[1], func(store catalog.Store) error {
		t := template(n)
		t.ID = crowdTemplate(n)
		made, err := store.Templates().Create(ctx, t.ID.String(), t)
		if err != nil {
			return err
		}
		group, groupCtx := errgroup.WithContext(ctx)
		for v := range crowdWrites {
			group.Go(func() error { return register(groupCtx, store, version(t, v)) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		made.Value.Description = "has versions"
		_, err = store.Templates().Replace(ctx, made.Key, made.Revision, made.Value)
		return err
	})
}

// register writes a version in the three changes of a registration: announced, registered, and
// confirmed.
func register(ctx context.Context, store catalog.Store, v catalog.Version) error {
	whole := v
	v.Claim = &catalog.Claim{Runner: "bench", By: "bench", Since: v.CreatedAt, Deadline: v.CreatedAt, Volume: "none"}
	rec, err := store.Versions().Create(ctx, v.ID.String(), v)
	if err != nil {
		return err
	}
	for _, said := range []string{"almost", "registered"} {
		whole.Description = said
		if rec, err = store.Versions().Replace(ctx, rec.Key, rec.Revision, whole); err != nil {
			return err
		}
	}
	return nil
}
