package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
)

// A library may have images on several hosts. Only all of them together know what needs a version. So
// what depends on that fails while one of them does not answer.

// Spread reports whether the library has images on several hosts.
func (r *reader) Spread() bool { return len(r.others) > 0 }

// stores are the images of all hosts that are not lost, those at home first.
func (r *reader) stores(ctx context.Context) ([]*imagestore.Store, error) {
	others, err := r.elsewhere(ctx)
	return append([]*imagestore.Store{r.home}, others...), err
}

// elsewhere are the images of all hosts but the home that are not lost.
func (r *reader) elsewhere(ctx context.Context) ([]*imagestore.Store, error) {
	hosts, err := r.Hosts(ctx)
	return slices.DeleteFunc(slices.Clone(r.others), func(images *imagestore.Store) bool {
		return hosts[images.HostName()].State == catalog.HostLost
	}), err
}

// lost reports whether a host is lost.
func (r *reader) lost(ctx context.Context, name string) (bool, error) {
	hosts, err := r.Hosts(ctx)
	return hosts[name].State == catalog.HostLost, err
}

// each calls do for the images of all hosts at once, and returns the errors of all.
func (r *reader) each(ctx context.Context, do func(ctx context.Context, images *imagestore.Store) error) error {
	stores, err := r.stores(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(stores))
	var group sync.WaitGroup
	for n, images := range stores {
		group.Go(func() { errs[n] = do(ctx, images) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// instancesOf lists the instances of a template on all hosts; see usage.Usage.InstancesOf.
func (r *reader) instancesOf(
	ctx context.Context, id catalog.TemplateID,
) (found []usage.Instance, unknown []string, err error) {
	if !r.Spread() {
		return r.home.Usage().InstancesOf(ctx, id)
	}
	var mu sync.Mutex
	err = r.each(ctx, func(ctx context.Context, images *imagestore.Store) error {
		instances, undescribed, err := images.Usage().InstancesOf(ctx, id)
		if err != nil {
			return fmt.Errorf("whether %s has instances of template %q: %w", images.Site(), id, err)
		}
		mu.Lock()
		defer mu.Unlock()
		found, unknown = append(found, instances...), append(unknown, undescribed...)
		return nil
	})
	return found, unknown, err
}

// InstanceCounts counts the instances that were created from each version of a template, on all hosts;
// see usage.Usage.Counts.
func (l *Library) InstanceCounts(ctx context.Context, id catalog.TemplateID) (map[string]int, error) {
	instances, _, err := l.instancesOf(ctx, id)
	return l.home.Usage().Counts(id, instances), err
}

// users names what keeps a version's image, on all hosts; see imagestore.Store.Users.
func (l *Library) users(
	ctx context.Context, v catalog.Version, tell func(overlooked string),
) (*imagestore.InUseError, error) {
	if !l.Spread() {
		return l.home.Users(ctx, v, tell)
	}
	var mu sync.Mutex
	all := &imagestore.InUseError{Version: v.ID}
	err := l.each(ctx, func(ctx context.Context, images *imagestore.Store) error {
		ask := images.CopyUsers
		if images == l.home {
			ask = images.Users
		}
		in, err := ask(ctx, v, func(overlooked string) {
			mu.Lock()
			defer mu.Unlock()
			tell(overlooked)
		})
		if err != nil {
			return fmt.Errorf("version %q cannot be removed, because it is not known whether anything on %s needs its "+
				"image: %w", v.ID, images.Site(), err)
		}
		mu.Lock()
		defer mu.Unlock()
		all.Add(in)
		return nil
	})
	slices.Sort(all.Users)
	if all.InUse() { // which is certain, whatever another host has
		err = nil
	}
	return all, err
}

// release takes a version off the warm snapshots that it asks for, and off its image, on all hosts. A
// snapshot goes first: its disk stands on the image. The home goes last: as long as another host does
// not answer, the version can still be used.
func (l *Library) release(ctx context.Context, v catalog.Version) error {
	err := l.each(ctx, func(ctx context.Context, images *imagestore.Store) error {
		if images == l.home {
			return nil
		}
		if err := images.ReleaseCopy(ctx, v); err != nil {
			return fmt.Errorf("removing the image of version %q from %s: %w", v.ID, images.Site(), err)
		}
		return nil
	})
	if err == nil {
		err = l.home.Warm().Release(ctx, v.ID)
	}
	if err != nil {
		return err
	}
	return l.home.Release(ctx, v.Digest, v.ID)
}

// ReleaseWarm takes a version that asks for no warm snapshot any more off those of all hosts. What
// another host has is collected later if that cannot be reached.
func (l *Library) ReleaseWarm(ctx context.Context, id catalog.VersionID) error {
	var failed error
	_ = l.each(ctx, func(ctx context.Context, images *imagestore.Store) error {
		err := images.Warm().Release(ctx, id)
		if images == l.Images {
			failed = err
		}
		return err
	})
	return failed
}

// collectOthers removes, once per process, unused images from the pools of other hosts. Not every
// registration does so, unlike at home: it would wait for hosts that do not answer.
func (l *Library) collectOthers(ctx context.Context) {
	others, err := l.elsewhere(ctx)
	if err != nil {
		return
	}
	var group sync.WaitGroup
	for _, images := range others {
		group.Go(func() { l.collect(ctx, images) })
	}
	group.Wait()
}

// collect removes, once per process, unused images from the pool of a host, if it is this process's turn to look
// for them. A failure does not fail
// the caller's work: the next process tries again.
func (l *Library) collect(ctx context.Context, images *imagestore.Store) {
	if images == l.home { // see sweep
		return
	}
	if _, done := l.collected.LoadOrStore(images, nil); !done && images.TakeRound(ctx) {
		_ = images.Collect(ctx)
		_ = images.CollectCopies(ctx, l.home)
	}
}
