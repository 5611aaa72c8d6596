package catalogcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

const aboutCopy = `Copies templates, versions and requests from one catalog to another of the same pool, and the
placements of instances on several hosts. An administrator copies resource pools and the states
of hosts as well. Images stay where they are in the pool: versions of both catalogs share them. What
exists already and is the same is left alone; if anything differs, nothing is copied, and the
differences are listed. Run an interrupted copy again to continue it.

The source of the copy stays, too, and its versions keep their images. With --move, it is removed
once everything is copied.

A library of several hosts has copies of its images on them: name the hosts besides that of --uri
with --host.

example:
  terraform-provider-novacron catalog copy --from embedded --to postgres://nova_t1@db/nova
`

func (a *app) setUpCopy(flags *flag.FlagSet) func(context.Context) error {
	var s site
	s.flags(flags)
	source := flags.String("from", "", "`CATALOG` to copy from: "+ends)
	target := flags.String("to", "", "`CATALOG` to copy to: the same")
	var hosts []string
	hostsFlag(flags, &hosts)
	move := flags.Bool("move", false, "remove from the first catalog what the second one has afterwards")
	return func(ctx context.Context) error {
		if *source == *target {
			return usageError{"--from and --to must name two catalogs"}
		}
		from, err := s.open(ctx, "from", *source)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := s.open(ctx, "to", *target)
		if err != nil {
			return err
		}
		defer to.Close()
		if from.tenant == "" {
			from.tenant = to.tenant // a tenant's role can write nothing else
		}
		a.progress("copying from %s to %s", from.name, to.name)
		if err := a.transfer(ctx, from, to); err != nil {
			return err
		}
		if err := a.shareCopies(ctx, s, hosts, from, to, *move); err != nil || !*move {
			return err
		}
		return a.remove(ctx, from, to)
	}
}

// remove removes from a catalog what another catalog has with the same content. Documents that were
// added or changed meanwhile stay.
func (a *app) remove(ctx context.Context, from, to *end) error {
	templates, err := from.store.Templates().List(ctx, from.prefix())
	if err != nil {
		return err
	}
	kept := 0
	for _, t := range templates {
		left, err := removeVersions(ctx, from, to, t.Value.ID)
		if err != nil {
			return err
		}
		if left > 0 {
			kept++
			continue
		}
		if err := removeSame(ctx, from.store.Templates(), to.store.Templates(), t, withoutMaker, &kept); err != nil {
			return err
		}
	}
	if err := removeOthers(ctx, from, to, &kept); err != nil {
		return err
	}
	if kept > 0 {
		return fmt.Errorf("in %s, %d documents were added or changed meanwhile, and stay: run this again to move them",
			from.name, kept)
	}
	fmt.Fprintf(a.stdout, "They were removed from %s.\n", from.name)
	return nil
}

// removeOthers removes what is not about templates, and counts what stays. Resource pools stay as long
// as placements do.
func removeOthers(ctx context.Context, from, to *end, kept *int) error {
	err := removeAll(ctx, from.store.Requests(), to.store.Requests(), from.prefix(), kept)
	placements := 0
	if err == nil {
		err = removeAll(ctx, from.store.Placements(), to.store.Placements(), from.prefix(), &placements)
		*kept += placements
	}
	if err == nil && from.tenant == "" && placements == 0 {
		err = removeAll(ctx, from.store.ResourcePools(), to.store.ResourcePools(), "", kept)
	}
	if err == nil && from.tenant == "" {
		err = removeAll(ctx, from.store.Hosts(), to.store.Hosts(), "", kept)
	}
	if errors.Is(err, pgstore.ErrSchema) { // a database that is not migrated has neither of the latter
		return nil
	}
	return err
}

func removeAll[T any](ctx context.Context, from, to catalog.Collection[T], prefix string, kept *int) error {
	records, err := from.List(ctx, prefix)
	if err != nil {
		return err
	}
	for _, rec := range records {
		if err := removeSame(ctx, from, to, rec, func(value T) T { return value }, kept); err != nil {
			return err
		}
	}
	return nil
}

// removeVersions removes a template's versions that are in both catalogs, and counts the others.
func removeVersions(ctx context.Context, from, to *end, of catalog.TemplateID) (left int, err error) {
	versions, err := from.store.Versions().List(ctx, of.String()+"@")
	if err != nil {
		return 0, err
	}
	there, err := byKey(to.store.Versions().List(ctx, of.String()+"@"))
	if err != nil {
		return 0, err
	}
	for _, v := range versions {
		other, both := there[v.Key]
		if !both || len(differences(withoutMarks(v.Value), withoutMarks(other))) > 0 {
			left++
			continue
		}
		if err := from.lib.LeaveVersion(ctx, v); errors.Is(err, catalog.ErrConflict) {
			left++
		} else if err != nil {
			return left, err
		}
	}
	return left, nil
}

// removeSame removes a document if both catalogs have it with the same content, and counts it
// otherwise.
func removeSame[T any](
	ctx context.Context, from, to catalog.Collection[T], rec catalog.Record[T], essence func(T) T, kept *int,
) error {
	other, err := to.Get(ctx, rec.Key)
	if err == nil && len(differences(essence(rec.Value), essence(other.Value))) > 0 {
		err = catalog.ErrConflict
	}
	if err == nil {
		err = from.Delete(ctx, rec.Key, rec.Revision)
	}
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
		*kept++
		return nil
	}
	return err
}
