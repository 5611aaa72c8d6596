package library

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
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
	check.once.Do(func() { _, check.err = l.Images.Base(ctx, v.Digest) })
	if check.err == nil {
		return nil
	}
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.images[v.Digest] == check { // another try may do better
		delete(l.plan.images, v.Digest)
	}
	if errors.Is(check.err, catalog.ErrNotFound) {
		return l.Images.NoImage(v)
	}
	return check.err
}

// catalogue names the library's catalogue, as the beginning of a sentence.
func (l *Library) catalogue() string {
	if s, ok := l.store.(fmt.Stringer); ok {
		return "The catalog in " + s.String()
	}
	return "The library in " + l.Images.String()
}
