package poolstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// damages are the ways in which a complete volume can be damaged.
var damages = map[string]func([]byte) []byte{
	"a bit of the line flipped":  func(data []byte) []byte { data[30] ^= 4; return data },
	"a bit of the body flipped":  func(data []byte) []byte { data[slices.Index(data, '\n')+20] ^= 1; return data },
	"its line break flipped":     func(data []byte) []byte { data[slices.Index(data, '\n')] ^= 2; return data },
	"zeroed":                     func(data []byte) []byte { clear(data); return data },
	"its end zeroed":             func(data []byte) []byte { clear(data[200:]); return data },
	"emptied":                    func([]byte) []byte { return nil },
	"cut":                        func(data []byte) []byte { return data[:100] },
	"a copy of another document": func([]byte) []byte { return otherVolume },
	"a file of somebody else":    func([]byte) []byte { return []byte("{}\n{}") },
}

var otherVolume = []byte("{}")

// TestADamagedDocumentIsNeverOneThatIsNotThere: every request about it is an error that names its
// volumes.
func TestADamagedDocumentIsNeverOneThatIsNotThere(t *testing.T) {
	otherVolume = volume(t, 1, "t/other", "OTHER", nil, note{})
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				rec := must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/a", note{}))
				rec = must.Get[catalog.Record[note]](t)(shelves(m.store()).Replace(t.Context(), "t/a", rec.Revision,
					note{Count: 1}))
				for _, volume := range m.names() {
					m.volumes[volume] = damage(m.volumes[volume])
				}
				var standIns catalog.StandIns
				ctx := catalog.WithStandIns(t.Context(), &standIns)
				c := shelves(m.store())
				_, get := c.Get(ctx, "t/a")
				_, other := c.Get(ctx, "t/b")
				_, list := c.List(ctx, "")
				_, create := c.Create(ctx, "t/b", note{})
				_, replace := c.Replace(ctx, "t/a", rec.Revision, note{})
				for doing, err := range map[string]error{
					"read":         get,
					"read another": other,
					"list":         list,
					"create":       create,
					"replace":      replace,
					"delete":       c.Delete(ctx, "t/a", rec.Revision),
				} {
					if !errors.Is(err, catalog.ErrDamaged) || errors.Is(err, catalog.ErrNotFound) {
						t.Errorf("%s: got %v, want %v", doing, err, catalog.ErrDamaged)
						continue
					}
					for _, part := range []string{
						`"nova.shelf.t.1.json"`, `"nova.shelf.t.2.json"`, "catalog repair --pool pool",
					} {
						if !strings.Contains(err.Error(), part) {
							t.Errorf("%s: %v does not say %s", doing, err, part)
						}
					}
				}
				if left := m.names(); len(left) != 2 {
					t.Errorf("left in the pool: %q", left)
				}
			})
		})
	}
}

// TestAnOlderRevisionStandsInForADamagedOne if the caller allows it, for the records that it has;
// and nothing is written on top of it.
func TestAnOlderRevisionStandsInForADamagedOne(t *testing.T) {
	otherVolume = volume(t, 1, "t/other", "OTHER", nil, note{})
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				first := must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/a", note{}))
				must.Get[catalog.Record[note]](t)(shelves(m.store()).Create(t.Context(), "t/b", note{}))
				m.volumes["nova.shelf.t.2.json"] = damage(m.volumes["nova.shelf.t.2.json"])

				var standIns catalog.StandIns
				ctx := catalog.WithStandIns(t.Context(), &standIns)
				c := shelves(m.store())
				if got := must.Get[catalog.Record[note]](t)(c.Get(ctx, "t/a")); got != first {
					t.Errorf("read %+v, want %+v", got, first)
				}
				got := must.Get[[]catalog.Record[note]](t)(c.List(ctx, "t/"))
				if !slices.Equal(got, []catalog.Record[note]{first}) {
					t.Errorf("listed %+v, want %+v", got, first)
				}
				if all := standIns.All(); len(all) != 1 || all[0].Damaged != "nova.shelf.t.2.json" ||
					!strings.Contains(all[0].Detail, `"nova.shelf.t.1.json"`) {
					t.Errorf("noted: %+v", all)
				}
				_, lacking := c.Get(ctx, "t/b")
				_, strictly := c.Get(catalog.WithoutStandIns(ctx), "t/a")
				_, list := c.List(t.Context(), "t/")
				_, replace := c.Replace(ctx, "t/a", first.Revision, note{Count: 1})
				for doing, err := range map[string]error{
					"read what it lacks": lacking,
					"read strictly":      strictly,
					"list strictly":      list,
					"replace":            replace,
					"delete":             c.Delete(ctx, "t/a", first.Revision),
				} {
					if !errors.Is(err, catalog.ErrDamaged) ||
						!strings.Contains(err.Error(), "catalog repair --pool pool --yes") {
						t.Errorf("%s: got %v, want %v", doing, err, catalog.ErrDamaged)
					}
				}
			})
		})
	}
}

// TestWhatIsBeingWrittenIsNoDamage, also if the writer is a release that does not mark its claims.
func TestWhatIsBeingWrittenIsNoDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		must.Get[catalog.Record[note]](t)(notes(m.store()).Create(t.Context(), "t/a", note{}))
		whole := volume(t, 2, "t/a", "SECOND", nil, note{Count: 2})
		m.volumes["nova.note.t.a.2.json"] = make([]byte, len(whole))
		go func() {
			time.Sleep(Grace / 2)
			_ = process{memory: m}.WriteVolume(t.Context(), "", "nova.note.t.a.2.json", whole)
		}()
		if got := must.Get[catalog.Record[note]](t)(notes(m.store()).Get(t.Context(), "t/a")); got.Value.Count != 2 {
			t.Errorf("read %+v", got)
		}
	})
}

// TestAClaimOfAnOlderReleaseIsPassedOver if the revisions before it show that it was never
// complete.
func TestAClaimOfAnOlderReleaseIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		for n := range uint64(2) {
			m.volumes[naming.Document("nova.note.t.a.", n+1)] = volume(t, n+1, "t/a",
				catalog.Revision(fmt.Sprint("ID", n)), nil, note{Count: int(n)})
		}
		m.volumes["nova.note.t.a.3.json"] = make([]byte, 300)
		got := must.Get[catalog.Record[note]](t)(notes(m.store()).Get(t.Context(), "t/a"))
		must.Get[catalog.Record[note]](t)(notes(m.store()).Replace(t.Context(), "t/a", got.Revision, note{Count: 2}))
		if got = must.Get[catalog.Record[note]](t)(notes(m.store()).Get(t.Context(), "t/a")); got.Value.Count != 2 {
			t.Errorf("read %+v", got)
		}

		delete(m.volumes, "nova.note.t.a.2.json") // and all before it: number 3 was complete once
		m.volumes["nova.note.t.a.3.json"] = volume(t, 3, "t/a", "ID3", nil, note{Count: 3})
		m.volumes["nova.note.t.a.4.json"] = make([]byte, 300)
		if _, err := notes(m.store()).Get(t.Context(), "t/a"); !errors.Is(err, catalog.ErrDamaged) {
			t.Errorf("got %v, want %v", err, catalog.ErrDamaged)
		}
	})
}

// TestAPageIsNotOverlookedWhereItsNameIsDamaged in documents from releases that write no checksum
// of the first line.
func TestAPageIsNotOverlookedWhereItsNameIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		c := collection[note]{store: m.store(), layout: layout{kind: "note", shards: 1}}
		must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a@1.0.0", note{}))
		text := string(m.volumes["nova.note.t.1.json"])
		at := strings.Index(text, checkMark)
		text = text[:at] + text[at+len(checkMark)+64+1:]
		m.volumes["nova.note.t.1.json"] = []byte(text)
		must.Get[catalog.Record[note]](t)(c.Get(t.Context(), "t/a@1.0.0"))
		m.volumes["nova.note.t.1.json"] = []byte(strings.Replace(text, `"t/a@"`, `"t/c@"`, 1))
		_, get := c.Get(t.Context(), "t/a@1.0.0")
		_, list := c.List(t.Context(), "t/a@")
		if !errors.Is(get, catalog.ErrDamaged) || !errors.Is(list, catalog.ErrDamaged) {
			t.Errorf("got %v and %v, want %v", get, list, catalog.ErrDamaged)
		}
	})
}
