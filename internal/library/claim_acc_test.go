package library

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// leave leaves what a registration leaves if it is interrupted while it sends an image: a claim,
// and a volume that belongs to no base yet.
func (s site) leave(t *testing.T, l *Library, id catalog.VersionID, by string) (volume string) {
	t.Helper()
	stem := "nova.base.of-" + id.Version
	claimed := catalog.Version{ID: id, Claim: &catalog.Claim{
		Runner: by, By: "somebody", Since: now(), Deadline: now().Add(time.Hour), Volume: stem,
	}}
	if _, err := l.store.Versions().Create(t.Context(), id.String(), claimed); err != nil {
		t.Fatal(err)
	}
	volume = naming.Base(stem, 1, "raw")
	if err := os.WriteFile(filepath.Join(s.dir, volume), []byte("half an image"), 0o600); err != nil {
		t.Fatal(err)
	}
	return volume
}

// TestAccWhatAnInterruptedRegistrationLeftGoes with the next registration of any version. What a
// living process is sending, however slowly, stays.
func TestAccWhatAnInterruptedRegistrationLeftGoes(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	dead := s.leave(t, l, ubuntu.Version("0.1.0"), leasetest.Dead(t))
	living := s.leave(t, l, ubuntu.Version("0.2.0"), lease.This())
	elsewhere := s.leave(t, l, ubuntu.Version("0.3.0"), "elsewhere/4711")

	must.Get[catalog.Version](t)(
		register(t.Context(), s.library(t), "1.0.0", file.Source{Path: rawImage(t, 1<<20, 4096)}))
	images := s.images(t)
	if slices.Contains(images, dead) || !slices.Contains(images, living) || !slices.Contains(images, elsewhere) {
		t.Errorf("in the pool: %q, want %q gone, and %q and %q to stay", images, dead, living, elsewhere)
	}
	if _, err := l.store.Versions().Get(
		t.Context(), ubuntu.Version("0.1.0").String(),
	); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the claim of the interrupted registration: %v, want none", err)
	}
	if versions := must.Get[[]catalog.Version](t)(l.Versions(t.Context(), ubuntu)); len(versions) != 1 ||
		versions[0].ID.Version != "1.0.0" {
		t.Errorf("the versions are %v, want 1.0.0 alone", versions)
	}
	if _, err := l.Version(t.Context(), ubuntu.Version("0.2.0")); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a version that is coming: %v, want %v", err, catalog.ErrNotFound)
	}
	var findings finding.List
	if err := l.DeleteTemplate(t.Context(), ubuntu); !errors.As(err, &findings) ||
		!strings.Contains(err.Error(), "0.2.0") {
		t.Errorf("removing the template of a version that is coming: %v, want a finding that names it", err)
	}
	_, err := register(t.Context(), l, "0.2.0", file.Source{Path: rawImage(t, 1<<20, 4096)})
	if !errors.As(err, &findings) || findings[0].Path.String() != "version" ||
		!strings.Contains(findings[0].Detail, "somebody (process ") {
		t.Errorf("registering a version that somebody else registers: %v, want a finding that says who", err)
	}
	for _, version := range []string{"0.2.0", "0.3.0"} { // as if their time had run out
		s.expire(t, l, ubuntu.Version(version))
	}
	if err := s.library(t).DeleteTemplate(t.Context(), ubuntu); err == nil || strings.Contains(err.Error(), "0.2.0") {
		t.Errorf("removing the template: %v, want a finding about 1.0.0 alone", err)
	}
	if images := s.images(t); len(images) != 1 {
		t.Errorf("in the pool: %q, want the image of 1.0.0 alone", images)
	}
}

func (s site) expire(t *testing.T, l *Library, id catalog.VersionID) {
	t.Helper()
	_, err := catalog.Change(t.Context(), l.store.Versions(), id.String(), func(v *catalog.Version) error {
		v.Claim.Deadline = now().Add(-lease.Slack - time.Minute)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAccASharedBaseOutlivesTheRegistrationThatSentIt: that registration was interrupted after
// others had joined.
func TestAccASharedBaseOutlivesTheRegistrationThatSentIt(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	path := rawImage(t, 1<<20, 4096)
	kept := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: path}))
	base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), kept.Digest))
	id := ubuntu.Version("0.1.0")
	claimed := catalog.Version{ID: id, Claim: &catalog.Claim{
		Runner: leasetest.Dead(t), Deadline: now().Add(time.Hour), Volume: strings.TrimSuffix(base.Volume, ".raw"),
	}}
	if _, err := l.store.Versions().Create(t.Context(), id.String(), claimed); err != nil {
		t.Fatal(err)
	}
	_, err := catalog.Change(t.Context(), s.bases(t), catalog.BaseKey(kept.Digest), func(b *catalog.Base) error {
		b.Versions = append(b.Versions, id.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	must.Get[catalog.Version](t)(register(t.Context(), s.library(t), "2.0.0", file.Source{Path: path}))
	base = must.Get[catalog.Base](t)(l.Images.Base(t.Context(), kept.Digest))
	if slices.Contains(base.Versions, id.String()) || len(base.Versions) != 2 {
		t.Errorf("the base's versions are %q, want 1.0.0 and 2.0.0", base.Versions)
	}
	must.Get[string](t)(l.Images.Location(t.Context(), kept))
}

// TestAccWhatNobodyHeardOfIsTakenOver by the same request, and by no other.
func TestAccWhatNobodyHeardOfIsTakenOver(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	path := rawImage(t, 1<<20, 4096)
	first := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: path}))
	again := func(path string) error {
		_, err := register(t.Context(), s.library(t), "1.0.0", file.Source{Path: path})
		return err
	}
	var findings finding.List
	if err := again(path); !errors.As(err, &findings) {
		t.Errorf("while the process lives that registered it: %v, want that the version exists", err)
	}
	by := func(maker string) {
		_, err := catalog.Change(t.Context(), l.store.Versions(), first.ID.String(), func(v *catalog.Version) error {
			v.Maker = maker
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	by(leasetest.Dead(t))
	if err := again(rawImage(t, 1<<20, 4096)); !errors.As(err, &findings) {
		t.Errorf("with another image: %v, want that the version exists", err)
	}
	if err := again(path); err != nil {
		t.Errorf("with the same image: %v", err)
	}
	if images := s.images(t); len(images) != 1 {
		t.Errorf("in the pool: %q, want one image", images)
	}
	by(lease.This())
	l.newVersions.Add(first.ID)
	if err := l.Confirm(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if v := must.Get[catalog.Version](t)(l.Version(t.Context(), first.ID)); v.Maker != "" {
		t.Errorf("after it was heard of, its maker is %q", v.Maker)
	}
}
