// Package planning keeps what a provider's process knows of the plan that it makes, and lets
// creates wait for names that removals of the same process free.
package planning

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Session is what a provider's process knows of the plan that it makes. It keeps what planning has
// read, so that a template is read once however many instances are created from it. It also keeps
// what was planned before, so that later planning may count on that. When this process writes, it
// forgets at once what it read before; applying never reads from here.
type Session struct {
	removals *Removals

	mu        sync.Mutex
	templates map[catalog.TemplateID]*planEntry
	coming    map[catalog.TemplateID][]catalog.Version // versions that the running plan creates
	changing  map[catalog.TemplateID]catalog.Template
	states    map[catalog.VersionID]catalog.Lifecycle // that the running plan gives versions
	warm      map[catalog.VersionID]*catalog.Warm     // that the running plan gives versions; nil for none
	remade    map[catalog.VersionID]bool              // versions whose snapshots the running plan makes again
	owned     map[catalog.VersionID]bool              // versions that the running plan's state has
	images    map[string]*imageCheck                  // whether the pool has the image of a digest
	removed   map[catalog.VersionID]bool              // versions that the running plan takes away
	// whether the running plan removes an instance that it takes off its version, by UUID
	left      map[string]bool
	instances map[string]bool // UUIDs of instances that the running plan's state has

	templatesOwned map[catalog.TemplateID]bool // that the running plan's state has
}

type planEntry struct {
	once     sync.Once
	template catalog.Template
	versions []catalog.Version
	err      error
}

// New begins a plan. removals are those of the same process.
func New(removals *Removals) *Session { return &Session{removals: removals} }

// WillCreate records that the running plan creates a version, so that later planning may count on
// it.
func (s *Session) WillCreate(id catalog.VersionID, in catalog.Lifecycle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.coming == nil {
		s.coming = map[catalog.TemplateID][]catalog.Version{}
	}
	others := slices.DeleteFunc(s.coming[id.Template], func(v catalog.Version) bool { return v.ID == id })
	s.coming[id.Template] = append(others, catalog.Version{ID: id, Lifecycle: in})
}

// WillSetState records which state the running plan gives a version, so that later planning uses
// that state.
func (s *Session) WillSetState(id catalog.VersionID, to catalog.Lifecycle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states == nil {
		s.states = map[catalog.VersionID]catalog.Lifecycle{}
	}
	s.states[id] = to
}

// WillSetWarm records which warm snapshot the running plan has a version ask for, nil for none, so
// that later planning uses that.
func (s *Session) WillSetWarm(id catalog.VersionID, to *catalog.Warm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.warm == nil {
		s.warm = map[catalog.VersionID]*catalog.Warm{}
	}
	s.warm[id] = to
}

// WillRemake records that the running plan makes the warm snapshot of a version, once more if there is
// one.
func (s *Session) WillRemake(id catalog.VersionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remade == nil {
		s.remade = map[catalog.VersionID]bool{}
	}
	s.remade[id] = true
}

// Remakes reports whether the running plan is known to make the warm snapshot of a version.
func (s *Session) Remakes(id catalog.VersionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remade[id]
}

// StateHas records that the running plan's state has a version: a version that is planned under the
// same id replaces it.
func (s *Session) StateHas(id catalog.VersionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owned == nil {
		s.owned = map[catalog.VersionID]bool{}
	}
	s.owned[id] = true
	s.removals.note()
}

// InState reports whether the running plan's state has the version.
func (s *Session) InState(id catalog.VersionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owned[id]
}

// WillChange records how the running plan changes a template, so that later planning uses the
// changed one.
func (s *Session) WillChange(t catalog.Template) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changing == nil {
		s.changing = map[catalog.TemplateID]catalog.Template{}
	}
	s.changing[t.ID] = t
}

// Creates lists the versions of a template that the running plan creates.
func (s *Session) Creates(id catalog.TemplateID) []catalog.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.coming[id])
}

// Read reads a template and its versions once, and applies what was planned before to them. read
// returns them as far as the user may see them, or catalog.ErrNotFound. Callers must not change
// what they get.
func (s *Session) Read(
	id catalog.TemplateID, read func() (catalog.Template, []catalog.Version, error),
) (
	catalog.Template, []catalog.Version, error,
) {
	s.mu.Lock()
	if s.templates == nil {
		s.templates = map[catalog.TemplateID]*planEntry{}
	}
	entry := s.templates[id]
	if entry == nil {
		entry = &planEntry{}
		s.templates[id] = entry
	}
	s.mu.Unlock()
	entry.once.Do(func() { entry.template, entry.versions, entry.err = read() })
	if entry.err != nil {
		if !errors.Is(entry.err, catalog.ErrNotFound) { // another try may succeed
			s.Forget(id)
		}
		return catalog.Template{}, nil, entry.err
	}
	return s.apply(id, entry.template, entry.versions)
}

// imageCheck is whether the pool has an image.
type imageCheck struct {
	once sync.Once
	err  error
}

// Image asks once whether the pool has the image of a digest: ask returns nil if it has, and
// otherwise the reason. An error is forgotten, because another try may succeed.
func (s *Session) Image(digest string, ask func() error) error {
	s.mu.Lock()
	if s.images == nil {
		s.images = map[string]*imageCheck{}
	}
	check := s.images[digest]
	if check == nil {
		check = &imageCheck{}
		s.images[digest] = check
	}
	s.mu.Unlock()
	check.once.Do(func() { check.err = ask() })
	if check.err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.images[digest] == check {
		delete(s.images, digest)
	}
	return check.err
}

// apply applies the running plan's changes to what exists.
func (s *Session) apply(
	id catalog.TemplateID, t catalog.Template, versions []catalog.Version,
) (catalog.Template, []catalog.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed, ok := s.changing[id]
	if !ok && len(s.states) == 0 && len(s.warm) == 0 {
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
		if to, ok := s.states[v.ID]; ok {
			v.Lifecycle = v.Lifecycle.To(to.State, to.Deprecation, time.Now().UTC().Truncate(time.Second))
		}
		if to, ok := s.warm[v.ID]; ok {
			v.Warm = to
		}
		versions[n] = v
	}
	return t, versions, nil
}

// Forget makes the next Read read a template again.
func (s *Session) Forget(id catalog.TemplateID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.templates, id)
}

// StateHasTemplate records that the running plan's state has a template.
func (s *Session) StateHasTemplate(id catalog.TemplateID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.templatesOwned == nil {
		s.templatesOwned = map[catalog.TemplateID]bool{}
	}
	s.templatesOwned[id] = true
	s.removals.note()
}

// TemplateInState reports whether the running plan's state has a template, as far as the state was
// read or planned.
func (s *Session) TemplateInState(id catalog.TemplateID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.templatesOwned[id]
}
