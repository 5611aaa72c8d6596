package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// InUseError says that a version cannot go because something hangs on its base image.
type InUseError struct {
	Version catalog.VersionID
	Users   []string // linked clones: "tenant/name" of the tenant's own instances, or names of volumes that are nobody's
	Others  int      // how many linked clones of other tenants there are beside
	Built   []string // ids of the tenant's own versions that hold only what differs from it
	BuiltBy int      // how many such versions other tenants have beside
}

// any tells whether something does.
func (e *InUseError) any() bool { return len(e.Users)+e.Others+len(e.Built)+e.BuiltBy > 0 }

func (e *InUseError) Error() string {
	var reasons []string
	if len(e.Built)+e.BuiltBy > 0 {
		reasons = append(reasons, fmt.Sprintf("these versions have its image for their parent_version, and hold only what differs from it: %s. "+
			"Destroy them first", naming.AndOthers(e.Built, e.BuiltBy)))
	}
	if len(e.Users)+e.Others > 0 {
		reasons = append(reasons, fmt.Sprintf("these linked clones need its base image: %s. Destroy them first, "+
			"or replace them by another version or by full clones (strategy = \"clone\")", naming.AndOthers(e.Users, e.Others)))
	}
	return fmt.Sprintf("version %q cannot be removed: %s. Nothing was changed.", e.Version, strings.Join(reasons, "; and "))
}

// RemoveVersion removes a version, and its base image with the last version of it. It refuses with InUseError while
// linked clones need it, and with a finding while it is protected. A version that is gone already is no error.
//
// The version is marked first: a clone that is made meanwhile reads it again after it hung itself on the base, so that
// one of the two sees the other.
//
// tell, where it is given, is told in sentences what was overlooked: files and domains of somebody else's that the host lists
// and cannot describe, and that cannot stand on the version's image.
func (l *Library) RemoveVersion(ctx context.Context, id catalog.VersionID, tell ...func(overlooked string)) error {
	end, kept := l.Removing(id.String())
	defer end()
	if kept {
		return nil
	}
	if _, err := l.writable(ctx, id.Template); err != nil {
		if errors.Is(err, catalog.ErrNotFound) {
			return l.LostVersion(ctx, id)
		}
		return fmt.Errorf("removing version %q: %w", id, err)
	}
	l.plan.forget(id.Template)
	defer l.plan.forget(id.Template) // what was planned meanwhile may have read the version
	l.sweep(ctx)
	ctx, cancel := context.WithTimeout(ctx, catalog.DeleteLease/2)
	defer cancel()
	since, err := l.store.Now(ctx)
	if err != nil {
		return err
	}
	rec, err := change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error {
		if v.Coming != nil {
			return catalog.ErrNotFound
		}
		if v.DeletionProtection {
			return finding.List{{Path: finding.At("deletion_protection"), Summary: "Version is protected", Detail: fmt.Sprintf(
				"Version %q has deletion_protection: set it to false and apply before it can be destroyed or replaced.", id)}}
		}
		v.DeletingSince = &since
		return nil
	})
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	users, err := l.usersOf(ctx, rec.Value, func(overlooked string) {
		for _, tell := range tell {
			tell(overlooked)
		}
	})
	if err == nil && users.any() {
		err = users
	}
	if err != nil {
		undo, cancel := undoContext(ctx)
		defer cancel()
		_, unmark := change(undo, l.store.Versions(), id.String(), func(v *catalog.Version) error {
			if v.DeletingSince == nil { // it was removed, and is somebody's new one
				return catalog.ErrNotFound
			}
			v.DeletingSince = nil
			return nil
		})
		return errors.Join(err, gone(unmark))
	}
	// There is no way back. The document goes last: while it is there, another removal finds what this one has left.
	finish, cancelFinish := undoContext(ctx)
	defer cancelFinish()
	if err := l.releaseBase(finish, rec.Value.Digest, id); err != nil {
		return err
	}
	for {
		err := l.store.Versions().Delete(finish, rec.Key, rec.Revision)
		if !errors.Is(err, catalog.ErrConflict) {
			return gone(err)
		}
		rec, err = l.store.Versions().Get(finish, id.String())
		if err != nil || rec.Value.DeletingSince == nil { // it is somebody's new one
			return gone(err)
		}
	}
}

// usersOf names what hangs on a version's base: its own instances, and, where no other version keeps the base, every overlay
// on it, whoever made it. What is another tenant's is counted only. It is an error where something may hang on the base that
// the host cannot describe; tell is told what it cannot describe else.
func (l *Library) usersOf(ctx context.Context, v catalog.Version, tell func(overlooked string)) (*InUseError, error) {
	in := &InUseError{Version: v.ID}
	domains, undescribed, err := l.host.AllDomains(ctx)
	if err != nil {
		return nil, err
	}
	instances, err := l.madeOf(domains)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, i := range instances {
		if !i.of(l.pool, v.ID.Template) || !strategy.HoldsBase(i.Strategy) || i.Version != v.ID.Version {
			continue
		}
		if i.Tenant == l.me.Tenant {
			in.Users = append(in.Users, i.Tenant+"/"+i.Name)
		} else {
			in.Others++
		}
		for _, disk := range i.domain.Disks {
			known = append(known, disk.Path)
		}
	}
	base, err := l.Base(ctx, v.Digest)
	if errors.Is(err, catalog.ErrNotFound) {
		return in, nil
	}
	if err != nil || len(base.Versions) > 1 {
		return in, err
	}
	if err := l.builtOn(ctx, base, in); err != nil {
		return nil, err
	}
	found, err := l.overlaysOn(ctx, base)
	if err != nil {
		return nil, err
	}
	for _, o := range found.overlays {
		switch {
		case slices.Contains(known, o.Path) || o.Pool == l.pool && slices.Contains(base.Children, o.Name):
		case l.foreign(instances, o.Path), naming.OtherTenant(l.me.Tenant, o.Name):
			in.Others++
		default:
			in.Users = append(in.Users, "volume "+strings.ToValidUTF8(o.Name, "\uFFFD"))
		}
	}
	if in.any() {
		return in, nil
	}
	return in, l.weigh(v.ID, found, undescribed, tell)
}

// builtOn names the versions whose images stand on a base.
func (l *Library) builtOn(ctx context.Context, base catalog.Base, in *InUseError) error {
	if len(base.Children) == 0 {
		return nil
	}
	bases, err := l.store.Bases().List(ctx, "")
	if err != nil {
		return err
	}
	children := slices.Clone(base.Children)
	for _, b := range bases {
		if !slices.Contains(children, b.Value.Volume) {
			continue
		}
		children = without(children, b.Value.Volume)
		for _, user := range b.Value.Versions {
			if id, err := catalog.ParseVersionID(user); err == nil && id.Template.Tenant == l.me.Tenant {
				in.Built = append(in.Built, user)
			} else {
				in.BuiltBy++
			}
		}
	}
	slices.Sort(in.Built)
	if len(children) > 0 {
		in.Built = append(in.Built, "one that is being registered")
	}
	return nil
}
