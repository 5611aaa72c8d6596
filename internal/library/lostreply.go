package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
)

// A process that is killed right after it registered something has told nobody: it is there, and no state has it. So the
// document names the process until its Terraform has taken leave of it, and has therefore heard all that it said. What a
// process registered that died before that is taken over by whoever asks for the very same.

// takeOver makes a version that was lost this registration's own, if it is what would be registered.
func (l registrar) takeOver(ctx context.Context, r Registration, spec catalog.Spec, lost catalog.Record[catalog.Version]) (catalog.Version, error) {
	v := lost.Value
	if v.CreatedBy != l.me.User || v.Parent != r.Parent || !sameSpec(v.Overrides, r.Spec) || !sameSpec(v.Spec, spec) || l.deleting(ctx, v) {
		return catalog.Version{}, VersionExists(r.ID)
	}
	same, err := l.leadsTo(ctx, r.Source, v.Digest)
	if err != nil {
		return catalog.Version{}, err
	}
	if !same || !l.Removals.Keep(r.ID.String()) {
		return catalog.Version{}, VersionExists(r.ID)
	}
	v.Description, v.DeletionProtection, v.Maker = r.Description, r.DeletionProtection, runner.This()
	v.Lifecycle = v.Lifecycle.To(r.State, r.Deprecation, now())
	if _, err := l.store.Versions().Replace(ctx, lost.Key, lost.Revision, v); err != nil {
		if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) { // somebody has it after all
			err = VersionExists(r.ID)
		}
		return catalog.Version{}, err
	}
	l.unconfirmed.version(r.ID)
	return v, nil
}

// leadsTo tells whether a source leads to the image of a digest. Where nothing else tells, it is read. A disk that would have to
// be captured anew does not.
func (l registrar) leadsTo(ctx context.Context, from source.Source, digest string) (same bool, err error) {
	if _, captured := from.(onhost.Captured); captured {
		return false, nil
	}
	if same, err := l.Images.HasSource(ctx, digest, from); same || err != nil {
		return same, err
	}
	im, err := from.Open(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, im.Close()) }()
	read, err := im.Send(ctx, nowhere{})
	return read.Digest == digest, err
}

// nowhere is a sink that keeps nothing.
type nowhere struct{}

// WriteAt implements image.Sink.
func (nowhere) WriteAt(_ context.Context, r io.Reader, _, _ int64) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// sameSpec goes by what would be written down.
func sameSpec(a, b catalog.Spec) bool {
	left, err := json.Marshal(a)
	if err != nil {
		return false
	}
	right, err := json.Marshal(b)
	return err == nil && bytes.Equal(left, right)
}

// unconfirmed is what this process has registered, as long as the documents do not say that this was heard.
type unconfirmed struct {
	mu        sync.Mutex
	templates []catalog.TemplateID
	versions  []catalog.VersionID
}

func (u *unconfirmed) template(id catalog.TemplateID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.templates, id) {
		u.templates = append(u.templates, id)
	}
}

func (u *unconfirmed) version(id catalog.VersionID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.versions, id) {
		u.versions = append(u.versions, id)
	}
}

// Confirm notes that all that was said of what was registered has been heard. It is for the end of a process.
func (l *Library) Confirm(ctx context.Context) error {
	l.unconfirmed.mu.Lock()
	defer l.unconfirmed.mu.Unlock()
	var errs []error
	for _, id := range l.unconfirmed.templates {
		_, err := catalog.Change(ctx, l.store.Templates(), id.String(), func(t *catalog.Template) error { return confirmed(&t.Maker) })
		errs = append(errs, catalog.IgnoreNotFound(err))
	}
	for _, id := range l.unconfirmed.versions {
		_, err := catalog.Change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error { return confirmed(&v.Maker) })
		errs = append(errs, catalog.IgnoreNotFound(err))
	}
	l.unconfirmed.templates, l.unconfirmed.versions = nil, nil
	return errors.Join(errs...)
}

// confirmed takes the maker off what this process has made; it is catalog.ErrNotFound that somebody made it anew since.
func confirmed(maker *string) error {
	if *maker != runner.This() {
		return catalog.ErrNotFound
	}
	*maker = ""
	return nil
}
