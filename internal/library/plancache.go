package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// planCache keeps what planning reads, for as long as the provider's process plans: one read a template, however many
// instances are made from it. What this process writes is forgotten at once; applying never reads from here.
type planCache struct {
	mu        sync.Mutex
	templates map[catalog.TemplateID]*planEntry
	coming    map[catalog.TemplateID][]catalog.Version // versions that the running plan creates
	changing  map[catalog.TemplateID]catalog.Template
	states    map[catalog.VersionID]catalog.Lifecycle // that the running plan gives versions
	owned     map[catalog.VersionID]bool              // versions that the running plan's state has
	images    map[string]*imageCheck                  // digests whose images the pool has
	leaving   leaving

	templatesOwned map[catalog.TemplateID]bool // that the running plan's state has
}

type planEntry struct {
	once     sync.Once
	template catalog.Template
	versions []catalog.Version
	err      error
}

// Expect notes that the running plan creates a version, so that what is planned after it may count on it.
func (l *Library) Expect(id catalog.VersionID, in catalog.Lifecycle) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.coming == nil {
		l.plan.coming = map[catalog.TemplateID][]catalog.Version{}
	}
	others := slices.DeleteFunc(l.plan.coming[id.Template], func(v catalog.Version) bool { return v.ID == id })
	l.plan.coming[id.Template] = append(others, catalog.Version{ID: id, Lifecycle: in})
}

// ExpectState notes which state the running plan gives a version, so that what is planned after it goes by that.
func (l *Library) ExpectState(id catalog.VersionID, to catalog.Lifecycle) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.states == nil {
		l.plan.states = map[catalog.VersionID]catalog.Lifecycle{}
	}
	l.plan.states[id] = to
}

// Own notes that the running plan's state has a version: one that is planned under the same id takes its place.
func (l *Library) Own(id catalog.VersionID) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.owned == nil {
		l.plan.owned = map[catalog.VersionID]bool{}
	}
	l.plan.owned[id] = true
	l.removals.note()
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
func (l *Library) Expected(id catalog.TemplateID) []catalog.Version {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	return slices.Clone(l.plan.coming[id])
}

// Planned reads a template and its versions for planning, as far as the library's user may see them; catalog.ErrNotFound.
// Callers do not change what they get.
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
			entry.versions, entry.err = l.history(ctx, entry.template)
		}
	})
	if entry.err != nil {
		if !errors.Is(entry.err, catalog.ErrNotFound) { // another try may do better
			l.plan.forget(id)
		}
		return catalog.Template{}, nil, entry.err
	}
	return l.plan.apply(id, entry.template, entry.versions)
}

// PlannedVersion reads a version for planning; catalog.ErrNotFound.
func (l *Library) PlannedVersion(ctx context.Context, id catalog.VersionID) (catalog.Version, error) {
	_, versions, err := l.Planned(ctx, id.Template)
	if errors.Is(err, catalog.ErrNotFound) { // or only its document is, see ours
		return l.Version(ctx, id)
	}
	for _, v := range versions {
		if v.ID == id {
			return v, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("version %q: %w", id, catalog.ErrNotFound)
	}
	return catalog.Version{}, err
}

// apply lays what the running plan does over what there is.
func (c *planCache) apply(id catalog.TemplateID, t catalog.Template, versions []catalog.Version) (catalog.Template, []catalog.Version, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed, ok := c.changing[id]
	if !ok && len(c.states) == 0 {
		return t, versions, nil
	}
	if ok {
		changed.Owner, changed.CreatedAt, changed.PublishedAt = t.Owner, t.CreatedAt, t.PublishedAt
		t = changed
	}
	versions = slices.Clone(versions)
	for n, v := range versions {
		if v.State == catalog.Draft {
			v.Spec = v.Overrides.Over(t.Spec)
		}
		if to, ok := c.states[v.ID]; ok {
			v.Lifecycle = v.Lifecycle.To(to.State, to.Deprecation, now())
		}
		versions[n] = v
	}
	return t, versions, nil
}

func (c *planCache) forget(id catalog.TemplateID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.templates, id)
}
