package catalogcmd

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A library moves to PostgreSQL: the images stay where they are, and belong to both catalogs until
// one of them releases them.
func TestAccACatalogIsCopied(t *testing.T) {
	p := newPool(t)
	_, dsn := newDatabase(t, p, "t1", "t2")
	old, images := p.library(t, "t1", ""), map[string]string{"1.0.0": qcow2(t), "2.0.0": rawDisk(t)}
	id := offer(t, old, "ubuntu", images)
	other := p.library(t, "t2", "")
	foreign := offer(t, other, "theirs", nil)
	before := p.images(t)

	out := p.catalog(t, exitDone, "copy", "--from", "embedded", "--to", dsn["t1"])
	if !strings.Contains(out, "templates: 1, versions: 2, requests: 0") {
		t.Errorf("it says\n%s", out)
	}
	if after := p.images(t); len(after) != 2 || strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("images were %q and are %q", before, after)
	}
	moved := p.library(t, "t1", dsn["t1"])
	whole(t, moved, id, images)
	out = p.catalog(t, exitDone, "copy", "--from", "embedded", "--to", dsn["t1"])
	if !strings.Contains(out, "templates: 0 (1 more were there already), versions: 0 (2 more were there already)") {
		t.Errorf("again, it says\n%s", out)
	}

	// A difference is reported, and the document stays as it is.
	if _, err := moved.UpdateTemplate(t.Context(), id, func(t *catalog.Template) {
		t.Description = "newer"
	}); err != nil {
		t.Fatal(err)
	}
	out = p.catalog(t, exitFailed, "copy", "--from", "embedded", "--to", dsn["t1"])
	if !strings.Contains(out, "template t1/ubuntu: description") || !strings.Contains(out, "Nothing was changed") {
		t.Errorf("of a difference, it says\n%s", out)
	}
	if found, err := moved.Template(t.Context(), id); err != nil || found.Description != "newer" {
		t.Errorf("it has become %+v, %v", found, err)
	}

	withdraw(t, old, id)
	if left := p.images(t); len(left) != 2 {
		t.Errorf("the images of the copy are gone: %q", left)
	}
	if _, err := moved.UpdateTemplate(t.Context(), id, func(t *catalog.Template) {
		t.Description = "as it was"
	}); err != nil {
		t.Fatal(err)
	}
	whole(t, moved, id, images)

	// Move the library back, for good.
	out = p.catalog(t, exitDone, "copy", "--from", dsn["t1"], "--to", "embedded", "--move")
	if !strings.Contains(out, "They were removed from PostgreSQL") {
		t.Errorf("it says\n%s", out)
	}
	whole(t, old, id, images)
	if _, err := moved.Template(t.Context(), id); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the template that was moved: %v", err)
	}
	if versions, err := moved.Versions(t.Context(), id); len(versions) > 0 {
		t.Errorf("of what was moved are left %v, %v", versions, err)
	}
	withdraw(t, old, id)
	withdraw(t, other, foreign)
	if left := p.images(t); len(left) != 0 {
		t.Errorf("images are left: %q", left)
	}
}

// Two databases share a pool: each leaves alone what only the other one knows.
func TestAccCatalogsOfOnePoolLeaveEachOtherAlone(t *testing.T) {
	p := newPool(t)
	_, one := newDatabase(t, p, "t1")
	_, two := newDatabase(t, p, "t1", "t2")
	images := map[string]string{"1.0.0": qcow2(t)}
	first, second, third := p.library(t, "t1", one["t1"]), p.library(t, "t1", two["t1"]), p.library(t, "t2", two["t2"])
	id := offer(t, first, "ubuntu", images)
	offer(t, second, "ubuntu", images)
	foreign := offer(t, third, "ubuntu", images)
	if stored := p.images(t); len(stored) != 1 {
		t.Errorf("one image is stored as %q", stored)
	}
	withdraw(t, first, id)
	whole(t, second, id, images)
	withdraw(t, third, foreign)
	whole(t, second, id, images)
	withdraw(t, second, id)
	if left := p.images(t); len(left) != 0 {
		t.Errorf("images are left: %q", left)
	}
}
