package library

import (
	"context"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// planCache keeps what planning reads, for as long as the provider's process plans: one read a template, however many
// instances are made from it. What this process writes is forgotten at once; applying never reads from here.
type planCache struct {
	mu        sync.Mutex
	templates map[catalog.TemplateID]*planEntry
	coming    map[catalog.TemplateID][]string // versions that the running plan creates
	changing  map[catalog.TemplateID]catalog.Template
	owned     map[catalog.VersionID]bool // versions that the running plan's state has
}

type planEntry struct {
	once     sync.Once
	template catalog.Template
	versions []catalog.Version
	err      error
}

// Expect notes that the running plan creates a version, so that what is planned after it may count on it.
func (l *Library) Expect(id catalog.VersionID) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.coming == nil {
		l.plan.coming = map[catalog.TemplateID][]string{}
	}
	if !slices.Contains(l.plan.coming[id.Template], id.Version) {
		l.plan.coming[id.Template] = append(l.plan.coming[id.Template], id.Version)
	}
}

// Own notes that the running plan's state has a version: one that is planned under the same id takes its place.
func (l *Library) Own(id catalog.VersionID) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.owned == nil {
		l.plan.owned = map[catalog.VersionID]bool{}
	}
	l.plan.owned[id] = true
}

// Owned tells whether the running plan's state has the version.
func (l *Library) Owned(id catalog.VersionID) bool {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	return l.plan.owned[id]
}

// ExpectTemplate notes what the running plan makes of a template, so that what is planned after it goes by that.
func (l *Library) ExpectTemplate(t catalog.Template) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.changing == nil {
		l.plan.changing = map[catalog.TemplateID]catalog.Template{}
	}
	l.plan.changing[t.ID] = t
}

// Expected lists the versions of a template that the running plan creates.
func (l *Library) Expected(id catalog.TemplateID) []string {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	return slices.Clone(l.plan.coming[id])
}

// Planned reads a template and its versions for planning; catalog.ErrNotFound. Callers do not change what they get.
func (l *Library) Planned(ctx context.Context, id catalog.TemplateID) (catalog.Template, []catalog.Version, error) {
	l.plan.mu.Lock()
	if l.plan.templates == nil {
		l.plan.templates = map[catalog.TemplateID]*planEntry{}
	}
	entry := l.plan.templates[id]
	if entry == nil {
		entry = &planEntry{}
		l.plan.templates[id] = entry
	}
	l.plan.mu.Unlock()
	entry.once.Do(func() {
		if entry.template, entry.err = l.Template(ctx, id); entry.err == nil {
			entry.versions, entry.err = l.Versions(ctx, id)
		}
	})
	if entry.err != nil { // another try may do better
		l.plan.forget(id)
	}
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if changed, ok := l.plan.changing[id]; ok && entry.err == nil {
		return changed, entry.versions, nil
	}
	return entry.template, entry.versions, entry.err
}

func (c *planCache) forget(id catalog.TemplateID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.templates, id)
}
