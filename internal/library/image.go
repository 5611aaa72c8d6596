package library

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// imageCheck is whether the pool has an image.
type imageCheck struct {
	once sync.Once
	err  error
}

// CheckImage finds that the pool does not have a version's image, as where a catalogue in a database has versions that were
// registered with another pool. It asks once a digest for as long as the provider's process plans.
func (l *Library) CheckImage(ctx context.Context, v catalog.Version) error {
	l.plan.mu.Lock()
	if l.plan.images == nil {
		l.plan.images = map[string]*imageCheck{}
	}
	check := l.plan.images[v.Digest]
	if check == nil {
		check = &imageCheck{}
		l.plan.images[v.Digest] = check
	}
	l.plan.mu.Unlock()
	check.once.Do(func() { _, check.err = l.Base(ctx, v.Digest) })
	if check.err == nil {
		return nil
	}
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.images[v.Digest] == check { // another try may do better
		delete(l.plan.images, v.Digest)
	}
	if errors.Is(check.err, catalog.ErrNotFound) {
		return l.NoImage(v)
	}
	return check.err
}

// NoImage is the finding for a version that nothing can be made of, because the pool does not have its image.
func (l *Library) NoImage(v catalog.Version) finding.List {
	return finding.List{{Path: finding.At("version"), Summary: "Image not found in this pool", Detail: fmt.Sprintf("Version "+
		"%q is in the catalog, but its image is not in the pool %q on %s. An image is in the pool that its version was "+
		"registered with: use that pool, or choose a version that was registered with this "+
		"one.", v.ID, l.pool, l.host.URI())}}
}

// catalogue names the library's catalogue, as the beginning of a sentence.
func (l *Library) catalogue() string {
	if s, ok := l.store.(fmt.Stringer); ok {
		return "The catalog in " + s.String()
	}
	return fmt.Sprintf("The library in pool %q on %s", l.pool, l.host.URI())
}
