package catalogcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// A library of several hosts has copies of its images in the pools of all of them. The documents of the
// copies list the versions of the catalog, so they change with it.

// hostsFlag defines the flag that names the other hosts of a library.
func hostsFlag(flags *flag.FlagSet, hosts *[]string) {
	flags.Func("host", "another host of the library, by its libvirt `URI`, with #POOL if its pool has another\nname "+
		"than --pool says: the copies of images there become the second catalog's, too.\nRepeat it for each host",
		func(uri string) error {
			*hosts = append(*hosts, uri)
			return nil
		})
}

// shareCopies makes the copies of images on other hosts those of both catalogs. If the first one leaves,
// they remain those of the second alone.
func (a *app) shareCopies(ctx context.Context, s site, hosts []string, from, to *end, leave bool) error {
	for _, host := range hosts {
		uri, pool, named := strings.Cut(host, "#")
		if !named {
			pool = s.pool
		}
		if err := a.shareCopiesOn(ctx, uri, pool, from, to, leave); err != nil {
			return fmt.Errorf("host %s: %w", uri, err)
		}
	}
	return nil
}

func (a *app) shareCopiesOn(ctx context.Context, uri, pool string, from, to *end, leave bool) error {
	conn, err := libvirt.New(libvirt.Options{URI: uri, Tenant: from.tenant})
	if err != nil {
		return err
	}
	defer conn.Close()
	documents := poolstore.New(conn, pool)
	own := imagestore.Elsewhere(from.store, from.tenant, documents)
	others := imagestore.Elsewhere(to.store, to.tenant, documents)
	has := func(id string) (bool, error) {
		v, err := to.store.Versions().Get(ctx, id)
		return err == nil && v.Value.Claim == nil, catalog.IgnoreNotFound(err)
	}
	images, err := share(ctx, own.Bases(), others.Bases(), func(b *catalog.Base) *[]string { return &b.Versions },
		has, leave)
	if err != nil {
		return err
	}
	_, err = share(ctx, own.Snapshots(), others.Snapshots(), func(s *catalog.Snapshot) *[]string { return &s.Versions },
		has, leave)
	if err == nil {
		fmt.Fprintf(a.stdout, "On %s, %d images are those of %s.\n", conn.URI(), images, to.name)
	}
	return err
}

// share lists the versions of a catalog in each document also as those of another catalog that has them.
// own and others are the same documents as the two catalogs see them. If the catalog leaves, its own
// versions go. share returns how many documents list such versions.
func share[T any](
	ctx context.Context, own, others catalog.Collection[T], versions func(*T) *[]string,
	has func(id string) (bool, error), leave bool,
) (shared int, err error) {
	records, err := own.List(ctx, "")
	if err != nil {
		return 0, err
	}
	for _, rec := range records {
		var both []string
		for _, id := range *versions(&rec.Value) {
			if _, err := catalog.ParseVersionID(id); err != nil { // of another catalog
				continue
			}
			there, err := has(id)
			if err != nil {
				return shared, err
			}
			if there {
				both = append(both, id)
			}
		}
		if len(both) == 0 {
			continue
		}
		shared++
		err := edit(ctx, others, rec.Key, versions, func(all []string) []string {
			return append(all, slices.DeleteFunc(slices.Clone(both), func(id string) bool {
				return slices.Contains(all, id)
			})...)
		})
		if err == nil && leave {
			err = edit(ctx, own, rec.Key, versions, func(all []string) []string {
				return slices.DeleteFunc(all, func(id string) bool { return slices.Contains(both, id) })
			})
		}
		if err != nil {
			return shared, err
		}
	}
	return shared, nil
}

// edit changes the versions of a document that is there. It begins again if another process is faster.
func edit[T any](
	ctx context.Context, c catalog.Collection[T], key string, versions func(*T) *[]string, do func([]string) []string,
) error {
	_, err := catalog.Change(ctx, c, key, func(value *T) error {
		before := *versions(value)
		after := do(slices.Clone(before))
		if slices.Equal(before, after) {
			return errUnchanged
		}
		*versions(value) = after
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return catalog.IgnoreNotFound(err)
}

var errUnchanged = errors.New("the document lists these versions")
