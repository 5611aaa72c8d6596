package poolstore

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A document's body is a gzip file of one member a page, so that gunzip shows all of it. The
// envelope says which pages there are and how long their members are: reading one record
// decompresses one page, and a write compresses only what it changes. A page is lines, of columns
// with tabs between them:
//
//	"", JSON                          # a part: what records have in common is there once
//	KEY, REVISION, "0 1 ...", JSON    # a record: its parts, counted from the first line, and the rest
//
// Records are ordered by key.

// entry is one record as it is stored.
type entry struct {
	revision catalog.Revision
	value    []byte   // JSON, without its parts
	parts    [][]byte // JSON
}

// pageMark says where a page is in a body.
type pageMark struct {
	Name   string `json:"name"`
	Length int    `json:"length"` // compressed, in bytes
}

// maxPage bounds a page, in bytes. It is far above any page that fits in maxDocument, unless the
// page was crafted.
const maxPage = 128 << 20

// errNoShelf says that a document is complete, but its body is not in this package's format.
var errNoShelf = fmt.Errorf("%w: it does not hold records", catalog.ErrDamaged)

// shelf is the records of one document.
type shelf struct {
	volume string                      // the volume that it was read from
	named  bool                        // the pages' names are known to be right
	packed map[string][]byte           // pages as they are stored
	open   map[string]map[string]entry // pages that are decompressed, by key
}

// shelfOf finds the pages of a document. It finds none if there is no document, or a tombstone.
func shelfOf(doc document) (*shelf, error) {
	s := &shelf{
		volume: doc.volume(), named: doc.checked, packed: map[string][]byte{}, open: map[string]map[string]entry{},
	}
	body := doc.body
	for _, p := range doc.Pages {
		if p.Length <= 0 || p.Length > len(body) || s.packed[p.Name] != nil {
			return nil, fmt.Errorf("volume %q: %w: page %q is not where it should be", doc.volume(), errNoShelf, p.Name)
		}
		s.packed[p.Name], body = body[:p.Length], body[p.Length:]
	}
	if len(body) > 0 {
		return nil, fmt.Errorf("volume %q: %w: %d bytes are in no page", doc.volume(), errNoShelf, len(body))
	}
	return s, nil
}

// page decompresses a page, or returns an empty one if there is none.
func (s *shelf) page(name string) (map[string]entry, error) {
	if p := s.open[name]; p != nil {
		return p, nil
	}
	text, err := unpack(s.packed[name])
	if err != nil {
		return nil, fmt.Errorf("volume %q: %w: page %q: %w", s.volume, errNoShelf, name, err)
	}
	records := map[string]entry{}
	var parts [][]byte
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		if part, is := bytes.CutPrefix(line, []byte{'\t'}); is {
			parts = append(parts, part)
			continue
		}
		key, e, err := parseRecord(line, parts)
		if err != nil || page(key) != name {
			return nil, fmt.Errorf("volume %q: %w: page %q has a line that does not belong to it",
				s.volume, errNoShelf, name)
		}
		records[key] = e
	}
	s.open[name] = records
	return records, nil
}

// parseRecord parses a record's line.
func parseRecord(line []byte, parts [][]byte) (key string, e entry, err error) {
	columns := bytes.SplitN(line, []byte{'\t'}, 4)
	if len(columns) != 4 || len(columns[0]) == 0 || len(columns[1]) == 0 {
		return "", entry{}, errNoShelf
	}
	e = entry{revision: catalog.Revision(columns[1]), value: columns[3]}
	for number := range strings.FieldsSeq(string(columns[2])) {
		at, err := strconv.Atoi(number)
		if err != nil || at < 0 || at >= len(parts) {
			return "", entry{}, errNoShelf
		}
		e.parts = append(e.parts, parts[at])
	}
	return string(columns[0]), e, nil
}

// find returns a record. Its revision is "" if there is none.
func (s *shelf) find(key string) (entry, error) {
	if err := s.checkNames(); err != nil {
		return entry{}, err
	}
	p, err := s.page(page(key))
	return p[key], err
}

// checkNames makes sure that no page is overlooked because its name is damaged: if the document's
// envelope has no checksum, it opens all pages.
func (s *shelf) checkNames() error {
	if s.named {
		return nil
	}
	for name := range s.packed {
		if _, err := s.page(name); err != nil {
			return err
		}
	}
	s.named = true
	return nil
}

// list returns the records whose keys start with the prefix.
func (s *shelf) list(prefix string) (map[string]entry, error) {
	if err := s.checkNames(); err != nil {
		return nil, err
	}
	found := map[string]entry{}
	for name := range s.packed {
		if !strings.HasPrefix(name, prefix) && !strings.HasPrefix(prefix, name) {
			continue
		}
		p, err := s.page(name)
		if err != nil {
			return nil, err
		}
		for key, e := range p {
			if strings.HasPrefix(key, prefix) {
				found[key] = e
			}
		}
	}
	return found, nil
}

// put stores a record in place of the one with the same key. An entry without a revision removes
// the record. find must have opened the page.
func (s *shelf) put(key string, e entry) {
	name := page(key)
	delete(s.packed, name)
	if e.revision == "" {
		delete(s.open[name], key)
	} else {
		s.open[name][key] = e
	}
}

// body encodes the shelf, without pages if there are no records. Unchanged pages stay as they are.
func (s *shelf) body(level int) (pages []pageMark, body []byte, err error) {
	for name, records := range s.open {
		if s.packed[name] == nil && len(records) > 0 {
			if s.packed[name], err = pack(records, level); err != nil {
				return nil, nil, fmt.Errorf("page %q: %w", name, err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.packed)) {
		pages = append(pages, pageMark{Name: name, Length: len(s.packed[name])})
		body = append(body, s.packed[name]...)
	}
	return pages, body, nil
}

func pack(records map[string]entry, level int) ([]byte, error) {
	var parts, lines []byte
	numbers := map[string]int{} // the parts' numbers
	for _, key := range slices.Sorted(maps.Keys(records)) {
		e := records[key]
		lines = fmt.Appendf(lines, "%s\t%s\t", key, e.revision)
		for i, part := range e.parts {
			number, known := numbers[string(part)]
			if !known {
				number = len(numbers)
				numbers[string(part)] = number
				parts = fmt.Appendf(parts, "\t%s\n", part)
			}
			if i > 0 {
				lines = append(lines, ' ')
			}
			lines = strconv.AppendInt(lines, int64(number), 10)
		}
		lines = fmt.Appendf(lines, "\t%s\n", e.value)
	}
	if size := len(parts) + len(lines); size > maxPage {
		return nil, fmt.Errorf("%w: its records take %d MiB", errLarge, size>>20)
	}
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, level)
	for _, data := range [][]byte{parts, lines} {
		if err == nil {
			_, err = zip.Write(data)
		}
	}
	if err == nil {
		err = zip.Close()
	}
	return out.Bytes(), err
}

// unpack decompresses a page. It returns nil if there is none.
func unpack(data []byte) ([]byte, error) {
	if data == nil {
		return nil, nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(zip, maxPage+1))
	if err == nil && len(text) > maxPage {
		err = fmt.Errorf("%w: it takes more than %d MiB", errLarge, maxPage>>20)
	}
	return text, err
}
