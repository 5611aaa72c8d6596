package poolstore

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// twice creates two templates in one document, which then has two revisions.
func twice(t *testing.T, m *memory) {
	t.Helper()
	for _, name := range []string{"a", "b"} {
		must.Get[catalog.Record[catalog.Template]](t)(m.store().Templates().Create(t.Context(), "t/"+name,
			catalog.Template{ID: catalog.TemplateID{Tenant: "t", Name: name}}))
	}
}

// keeper stores the contents of damaged volumes.
type keeper map[string][]byte

func (k keeper) keep(volume string, data []byte) error {
	k[volume] = data
	return nil
}

func TestRepairRestoresTheOlderRevision(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				twice(t, m)
				broken := damage(m.volumes["nova.template.t.2.json"])
				m.volumes["nova.template.t.2.json"] = broken
				s := m.store()
				found, documents, err := s.Examine(t.Context(), "")
				if err != nil || documents != 1 || len(found) != 1 || found[0].Whole != "nova.template.t.1.json" ||
					found[0].Records != 1 {
					t.Fatalf("found %+v among %d, %v", found, documents, err)
				}
				kept := keeper{}
				if err := s.Repair(t.Context(), found[0], false, kept.keep); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(kept["nova.template.t.2.json"], broken) {
					t.Errorf("kept %q", kept)
				}
				rec := must.Get[catalog.Record[catalog.Template]](t)(s.Templates().Get(t.Context(), "t/a"))
				must.Get[catalog.Record[catalog.Template]](t)(s.Templates().Replace(t.Context(), "t/a", rec.Revision,
					rec.Value))
				if _, err := s.Templates().Get(t.Context(), "t/b"); !errors.Is(err, catalog.ErrNotFound) {
					t.Errorf("what the damaged revision had: %v", err)
				}
				if found, _, err := s.Examine(t.Context(), ""); err != nil || len(found) > 0 {
					t.Errorf("after the repair: %+v, %v", found, err)
				}
			})
		})
	}
}

func TestRepairRemovesOnlyWhatItIsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		twice(t, m)
		for _, volume := range m.names() {
			clear(m.volumes[volume])
		}
		must.Get[catalog.Record[catalog.Template]](t)(m.store().Templates().Create(t.Context(), "u/a",
			catalog.Template{ID: catalog.TemplateID{Tenant: "u", Name: "a"}}))
		s, kept := m.store(), keeper{}
		if found, _, err := s.Examine(t.Context(), "u"); err != nil || len(found) > 0 {
			t.Errorf("of another tenant: %+v, %v", found, err)
		}
		found, _, err := s.Examine(t.Context(), "t")
		if err != nil || len(found) != 1 {
			t.Fatalf("found %+v, %v", found, err)
		}
		before := m.names()
		if err := s.Repair(t.Context(), found[0], false, kept.keep); !errors.Is(err, ErrNothingWhole) ||
			len(kept) > 0 || !slices.Equal(m.names(), before) {
			t.Errorf("without being told to: %v, %q", err, m.names())
		}
		if err := s.Repair(t.Context(), found[0], true, kept.keep); err != nil || len(kept) != 2 {
			t.Errorf("kept %q, %v", kept, err)
		}
		if left := m.names(); !slices.Equal(left, []string{"nova.template.u.1.json"}) {
			t.Errorf("left: %q", left)
		}
		twice(t, m)
	})
}

func TestRepairOfAnOlderRevisionChangesNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		twice(t, m)
		m.volumes["nova.template.t.1.json"] = nil
		s, kept := m.store(), keeper{}
		// this does not read the damaged volume
		must.Get[catalog.Record[catalog.Template]](t)(s.Templates().Get(t.Context(), "t/b"))
		found, _, err := s.Examine(t.Context(), "")
		if err != nil || len(found) != 1 || !found[0].Harmless {
			t.Fatalf("found %+v, %v", found, err)
		}
		if err := s.Repair(t.Context(), found[0], false, kept.keep); err != nil {
			t.Fatal(err)
		}
		if left := m.names(); !slices.Equal(left, []string{"nova.template.t.2.json"}) {
			t.Errorf("left: %q", left)
		}
	})
}

// Repair does not remove a volume that was written under the same number after the damaged one was
// kept.
func TestRepairRemovesOnlyWhatItHasKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		twice(t, m)
		const name = "nova.template.t.1.json"
		whole := m.volumes[name]
		m.volumes[name] = nil
		s := m.store()
		found, _, err := s.Examine(t.Context(), "")
		if err != nil || len(found) != 1 {
			t.Fatalf("found %+v, %v", found, err)
		}
		err = s.Repair(t.Context(), found[0], false, func(volume string, _ []byte) error {
			m.volumes[volume] = whole
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), name) || !bytes.Equal(m.volumes[name], whole) {
			t.Errorf("it was removed all the same: %v", err)
		}
	})
}

// TestADocumentWhoseRecordsCannotBeDecodedIsDamaged, although its checksum is right.
func TestADocumentWhoseRecordsCannotBeDecodedIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		twice(t, m)
		sh := must.Get[*shelf](t)(shelfOf(document{}))
		must.Get[entry](t)(sh.find("t/a"))
		sh.put("t/a", entry{revision: "R", value: []byte(`{"labels":5}`), parts: [][]byte{[]byte("{}")}})
		pages, body, err := sh.body(templates.level)
		if err != nil {
			t.Fatal(err)
		}
		m.volumes["nova.template.t.3.json"] = must.Get[[]byte](t)(
			seal(envelope{Kind: "template", Key: "t", Number: 3, ID: "X", Pages: pages}, body))
		s := m.store()
		if _, err := s.Templates().Get(t.Context(), "t/a"); !errors.Is(err, catalog.ErrDamaged) {
			t.Errorf("got %v, want %v", err, catalog.ErrDamaged)
		}
		found, _, err := s.Examine(t.Context(), "")
		if err != nil || len(found) != 1 || found[0].Whole != "nova.template.t.2.json" {
			t.Fatalf("found %+v, %v", found, err)
		}
		if err := s.Repair(t.Context(), found[0], false, keeper{}.keep); err != nil {
			t.Fatal(err)
		}
		must.Get[catalog.Record[catalog.Template]](t)(s.Templates().Get(t.Context(), "t/b"))
	})
}

// Documents of snapshots are repaired like all others, and belong to no tenant.
func TestDocumentsOfSnapshotsAreRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		first := must.Get[catalog.Record[catalog.Snapshot]](t)(
			m.store().Snapshots().Create(t.Context(), "ab", catalog.Snapshot{Stem: "one"}))
		must.Get[catalog.Record[catalog.Snapshot]](t)(
			m.store().Snapshots().Replace(t.Context(), "ab", first.Revision, catalog.Snapshot{Stem: "two"}))
		m.volumes["nova.warm.ab.2.json"] = nil
		s := m.store()
		if found, examined, err := s.Examine(t.Context(), "ab"); err != nil || len(found)+examined > 0 {
			t.Errorf("of a tenant: %+v of %d, %v", found, examined, err)
		}
		found, _, err := s.Examine(t.Context(), "")
		if err != nil || len(found) != 1 || found[0].Whole != "nova.warm.ab.1.json" {
			t.Fatalf("found %+v, %v", found, err)
		}
		if err := s.Repair(t.Context(), found[0], false, keeper{}.keep); err != nil {
			t.Fatal(err)
		}
		rec := must.Get[catalog.Record[catalog.Snapshot]](t)(s.Snapshots().Get(t.Context(), "ab"))
		if rec.Value.Stem != "one" {
			t.Errorf("repaired, it is %+v", rec.Value)
		}
	})
}
