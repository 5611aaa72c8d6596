package poolstore

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Damage is a document that has damaged volumes.
type Damage struct {
	Document string // the common start of its volumes' names
	Volumes  []DamagedVolume
	Whole    string // the volume of the newest whole revision; "" for none
	Records  int    // how many records that revision holds
	// Harmless says that the newest revision is whole, so that the damaged ones are not read any more.
	Harmless bool

	docStem string
	newest  uint64
	whole   document
}

// DamagedVolume is a volume, and what is wrong with it.
type DamagedVolume struct{ Volume, Why string }

// ErrNothingWhole says that a document has no revision that can be restored.
var ErrNothingWhole = errors.New("no revision of it is whole")

// Examine reads every revision of a tenant's documents, or of all documents if tenant is "", and
// lists the documents that have damaged ones, by name. documents is the number of all documents
// examined.
func (s *Store) Examine(ctx context.Context, tenant string) (damaged []Damage, documents int, err error) {
	s.reader.distrust()
	names, err := s.reader.names(ctx)
	if err != nil {
		return nil, 0, err
	}
	byStem := map[string][]uint64{}
	for _, name := range names {
		if docStem, number, ok := naming.ParseDocument(name); ok && s.examines(docStem, tenant) {
			byStem[docStem] = append(byStem[docStem], number)
		}
	}
	for docStem, numbers := range byStem {
		d, err := s.examine(ctx, docStem, numbers)
		if err != nil {
			return nil, 0, err
		}
		if len(d.Volumes) > 0 {
			damaged = append(damaged, d)
		}
	}
	slices.SortFunc(damaged, func(a, b Damage) int { return strings.Compare(a.Document, b.Document) })
	return damaged, len(byStem), nil
}

// examines reports whether a document belongs to the catalog, and to the tenant unless that is "".
func (s *Store) examines(docStem, tenant string) bool {
	parts := strings.Split(docStem, ".") // nova, KIND, KEY…
	if _, ours := s.checks()[parts[1]]; !ours {
		return false
	}
	ofTenants := !slices.Contains(
		[]string{bases.kind, snapshots.kind, resourcePools.kind, hosts.kind, identities.kind, uses.kind}, parts[1])
	return tenant == "" || ofTenants && parts[2] == tenant
}

// checks maps each kind of document to a function that decodes all records of a document and counts
// them.
func (s *Store) checks() map[string]func(document) (int, error) {
	return map[string]func(document) (int, error){
		templates.kind:     checkOf(s.Templates().(collection[catalog.Template])),
		versions.kind:      checkOf(s.Versions().(collection[catalog.Version])),
		bases.kind:         checkOf(s.Bases().(collection[catalog.Base])),
		snapshots.kind:     checkOf(s.Snapshots().(collection[catalog.Snapshot])),
		sourceIndexes.kind: checkOf(s.sourceIndexes()),
		rounds.kind:        checkOf(s.Rounds().(collection[catalog.Round])),
		requests.kind:      checkOf(s.Requests().(collection[catalog.ProvisioningRequest])),
		placements.kind:    checkOf(s.Placements().(collection[catalog.Placement])),
		resourcePools.kind: checkOf(s.ResourcePools().(collection[catalog.ResourcePool])),
		hosts.kind:         checkOf(s.Hosts().(collection[catalog.Host])),
		identities.kind:    checkOf(s.identities()),
		uses.kind:          checkOf(s.uses()),
	}
}

func checkOf[T any](c collection[T]) func(document) (int, error) {
	return func(doc document) (int, error) {
		sh, err := shelfOf(doc)
		if err != nil {
			return 0, err
		}
		entries, err := sh.list("")
		if err == nil {
			_, err = c.decodeAll(entries)
		}
		return len(entries), err
	}
}

// examine reads all volumes of a document.
func (s *Store) examine(ctx context.Context, docStem string, numbers []uint64) (Damage, error) {
	d := Damage{Document: strings.TrimSuffix(docStem, "."), docStem: docStem}
	slices.Sort(numbers)
	for _, number := range slices.Backward(numbers) {
		d.newest = max(d.newest, number)
		doc, err := s.reader.readSurely(ctx, docStem, number)
		if errors.Is(err, errTorn) || errors.Is(err, host.ErrNoVolume) {
			continue // it was never complete, or is gone
		}
		records := 0
		if err == nil {
			records, err = s.checks()[doc.Kind](doc)
		}
		switch {
		case errors.Is(err, errBroken) || errors.Is(err, catalog.ErrDamaged):
			d.Volumes = append(d.Volumes, DamagedVolume{naming.Document(docStem, number), err.Error()})
		case err != nil:
			return d, err
		case d.Whole == "":
			d.whole, d.Whole, d.Records, d.Harmless = doc, doc.volume(), records, len(d.Volumes) == 0
		}
	}
	return d, nil
}

// Repair restores the newest whole revision of a damaged document as a new revision after the
// damaged ones, and then removes the damaged ones. If no revision is whole, Repair removes the
// document with all its records if discard is set, and returns ErrNothingWhole otherwise. Before it
// changes anything, it passes the contents of each damaged volume to keep.
func (s *Store) Repair(ctx context.Context, d Damage, discard bool, keep func(volume string, data []byte) error) error {
	if d.Whole == "" && !discard {
		return fmt.Errorf("document %q: %w", d.Document, ErrNothingWhole)
	}
	kept := map[string][sha256.Size]byte{}
	for _, v := range d.Volumes {
		data, err := s.pool.volumes.ReadVolume(ctx, s.pool.name, v.Volume, maxDocument)
		if err == nil {
			err = keep(v.Volume, data)
		}
		if err != nil {
			return fmt.Errorf("keeping what volume %q holds: %w", v.Volume, err)
		}
		kept[v.Volume] = sha256.Sum256(data)
	}
	next := d.whole.envelope
	if d.Whole == "" {
		next = d.tombstone()
	}
	next.Number, next.ID, next.Ancestors = d.newest+1, catalog.Revision(rand.Text()), d.whole.lineage()
	if !d.Harmless {
		if next.Deleted {
			next.Runner, next.Deadline = s.writer.sign(ctx)
		}
		began := time.Now()
		if err := s.writer.append(ctx, d.docStem, next, d.whole.body); err != nil {
			return err
		}
		if next.Deleted {
			err := s.writer.clear(ctx, d.docStem, attempt{next, true, began})
			if errors.Is(err, errLate) {
				return nil // the next process that looks at the document goes on
			}
			return err
		}
	}
	for _, v := range d.Volumes {
		if err := s.removeKept(ctx, d.docStem, v.Volume, kept[v.Volume]); err != nil {
			return err
		}
	}
	return nil
}

// removeKept removes a volume only if it holds what was kept: its document may have been deleted
// and created again.
func (s *Store) removeKept(ctx context.Context, docStem, volume string, sum [sha256.Size]byte) error {
	data, err := s.pool.volumes.ReadVolume(ctx, s.pool.name, volume, maxDocument)
	switch {
	case errors.Is(err, host.ErrNoVolume):
		return nil
	case err != nil:
		return fmt.Errorf("reading volume %q again before it is removed: %w", volume, err)
	case sha256.Sum256(data) != sum:
		return fmt.Errorf("volume %q changed while it was being repaired: run this again", volume)
	}
	_, number, _ := naming.ParseDocument(volume)
	return s.writer.remove(ctx, docStem, number)
}

// tombstone returns the envelope that removes the document. A key contains a slash or has no dot.
func (d Damage) tombstone() envelope {
	parts := strings.SplitN(d.Document, ".", 3)
	return envelope{Kind: parts[1], Key: strings.Replace(parts[2], ".", "/", 1), Deleted: true}
}

// append writes a revision under a number that must be unclaimed. Writers of documents leave
// damaged ones alone, so only another repair can be in the way.
func (w *writer) append(ctx context.Context, docStem string, e envelope, body []byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	data, err := seal(e, body)
	if err != nil {
		return err
	}
	data = filled(data)
	name := naming.Document(docStem, e.Number)
	spec := host.VolumeSpec{Name: name, Format: "raw", Capacity: claimSize(len(data)), Allocation: claimSize(len(data))}
	if _, err := w.pool.volumes.CreateVolume(ctx, w.pool.name, spec); err != nil {
		if errors.Is(err, host.ErrExists) {
			err = fmt.Errorf("another process is writing document %q: run this again (%w)",
				strings.TrimSuffix(docStem, "."), err)
		}
		return err
	}
	err = whenFree(ctx, func() error { return w.pool.volumes.WriteVolume(ctx, w.pool.name, name, data) })
	if err == nil {
		_, err = w.reader.read(ctx, docStem, e.Number)
	}
	if err != nil {
		return errors.Join(err, w.remove(ctx, docStem, e.Number))
	}
	return nil
}
