package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// parentOf reads the version that a registration's image is to be compared with; it returns nil if
// there is none.
func (l registrar) parentOf(ctx context.Context, form catalog.Form, r VersionRequest) (*catalog.Version, error) {
	if r.Parent == "" {
		return nil, nil // no parent is a valid answer
	}
	if err := CheckParent(form).Err(); err != nil {
		return nil, err
	}
	parent, err := l.Version(ctx, r.ID.Template.Version(r.Parent))
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, NoSuchParent(r.ID, r.Parent)
	}
	return &parent, err
}

// CheckParent returns a finding if versions with images of a form have no parents.
func CheckParent(form catalog.Form) finding.List {
	if form == catalog.FormDisk {
		return nil
	}
	return finding.List{{Path: finding.At("parent_version"), Summary: "No parents of container images",
		Detail: "Only disks of machines are compared block by block. The file system of a container image is stored " +
			"as a whole, and once for all versions of the same layers: leave parent_version out."}}
}

// NoSuchParent is the finding for a parent_version that names no version.
func NoSuchParent(id catalog.VersionID, parent string) finding.List {
	return finding.List{{Path: finding.At("parent_version"), Summary: "Version not found", Detail: fmt.Sprintf(
		"Template %q has no version %s for version %s to be compared with. Name one that is registered, or leave "+
			"parent_version out, so that all of the image is sent.", id.Template, parent, id.Version)}}
}

// VerifyVersion reads a version's stored image back, and compares it with its digest.
func (l *Library) VerifyVersion(ctx context.Context, id catalog.VersionID) error {
	v, err := l.Version(ctx, id)
	if err != nil {
		return err
	}
	base, err := l.home.Base(ctx, v.Digest)
	if err != nil {
		return err
	}
	return l.home.Verify(ctx, base)
}

// Crowded is imagestore.Store.Crowded for the pool that gets what is registered.
func (l *Library) Crowded() finding.Finding { return l.home.Crowded() }
