package poolstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// envelope is the first line of a document's volume. The body follows after the line break. Bytes
// after the body are ignored, because volumes may be rounded up to blocks.
type envelope struct {
	Format int              `json:"novacron"` // the version of this layout: 2
	Kind   string           `json:"kind"`
	Key    string           `json:"key"`
	Number uint64           `json:"number"` // as in the volume's name
	ID     catalog.Revision `json:"id"`     // random: no other write has it, although numbers restart after a delete
	// Ancestors are the ids of the writes that this one builds on, newest first, up to a limit. A
	// writer that finds its own id here knows that its write was seen, however late it looks.
	Ancestors []catalog.Revision `json:"ancestors,omitempty"`
	Deleted   bool               `json:"deleted,omitempty"`
	Runner    string             `json:"runner,omitempty"`  // the process that deletes the document, as in lease
	Deadline  time.Time          `json:"deadline,omitzero"` // of Runner, by the pool's clock
	Pages     []pageMark         `json:"pages,omitempty"`   // the body's pages, in order
	Length    int                `json:"length"`            // the body's length in bytes
	SHA256    string             `json:"sha256"`            // the body's SHA-256, in hex

	// checked says that the line itself has a checksum, its last member (see checkMark). Documents of
	// older releases have none.
	checked bool
}

const (
	envelopeFormat = 2
	// maxAncestors is how many writes may follow a slow one before its writer looks, so that the
	// writer can still see for certain that its write counted. A document has many writers.
	maxAncestors = 64
)

// lineage returns the ids that a write which builds on e lists as its ancestors.
func (e envelope) lineage() []catalog.Revision {
	if e.ID == "" {
		return nil
	}
	ids := append([]catalog.Revision{e.ID}, e.Ancestors...)
	return ids[:min(len(ids), maxAncestors)]
}

// errTorn says that a write claimed the volume and is not complete: it is in progress, or its
// writer died.
var errTorn = errors.New("incomplete document")

// errBroken says that a volume holds no whole document, and that no write in progress looks like
// this.
var errBroken = errors.New("damaged")

// A volume is claimed with a size of one byte more than a multiple of sizeUnit, and filled up to
// the next multiple: the last bytes that are written to it make it grow. So a volume that was once
// complete and now holds zeros differs in size from one whose writer died, although both may hold
// nothing else. The claim already owns the space for the last bytes, because file systems allocate
// no smaller blocks.
const sizeUnit = 4096

// filled pads a document with zeros to the size of a complete volume. Readers ignore the bytes
// after the body.
func filled(data []byte) []byte {
	return append(data, make([]byte, -len(data)&(sizeUnit-1))...)
}

// claimSize returns the size for the creation of a volume that will hold full bytes, a multiple
// of sizeUnit.
func claimSize(full int) uint64 { return uint64(full - sizeUnit + 1) }

// claimed reports whether a volume that holds no whole document was claimed by a write and not
// completed. Volumes of releases without the mark have any size, so the volume must also end in the
// zeros that such a write has not reached.
func claimed(data []byte) bool {
	return len(data)%sizeUnit == 1 && cutOff(data)
}

// unmarked reports whether a volume is cut off and its size does not say whether it was complete,
// because a release without the mark wrote it.
func unmarked(data []byte) bool {
	return len(data)%sizeUnit > 1 && cutOff(data)
}

// cutOff reports whether data ends in zeros, as a claimed volume that was not filled does.
func cutOff(data []byte) bool {
	const zeros = 8 // more than any document ends with: a gzip file ends with a checksum and the length of a text
	return len(bytes.TrimLeft(data[max(0, len(data)-zeros):], "\x00")) == 0
}

// seal encodes the document: the envelope's line, then the body. It fills in Format, Length and the
// checksums.
func seal(e envelope, body []byte) ([]byte, error) {
	e.Format, e.Length, e.SHA256 = envelopeFormat, len(body), checksum(body)
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	head = head[:len(head)-1] // without the closing brace
	head = append(head, checkMark+checksum(head)+"\"}\n"...)
	return append(head, body...), nil
}

// checkMark begins the last member of the envelope's line: the SHA-256, in hex, of the line before
// this mark.
const checkMark = `,"check":"`

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// headChecked reports whether the envelope's line has a checksum, and whether that is right.
func headChecked(head []byte) (checked, right bool) {
	at := bytes.LastIndex(head, []byte(checkMark))
	if at < 0 {
		return false, true
	}
	return true, string(head[at:]) == checkMark+checksum(head[:at])+`"}`
}

// unseal decodes a document. It returns errTorn if the write is not complete, errBroken if the
// document is damaged.
func unseal(data []byte) (envelope, []byte, error) {
	e, body, err := open(data)
	if errors.Is(err, errBroken) && claimed(data) {
		err = errTorn
	}
	return e, body, err
}

func open(data []byte) (envelope, []byte, error) {
	if len(bytes.TrimLeft(data, "\x00")) == 0 {
		return envelope{}, nil, fmt.Errorf("%w: it is empty or holds only zeros", errBroken)
	}
	head, body, found := bytes.Cut(data, []byte{'\n'})
	var e envelope
	if !found || json.Unmarshal(head, &e) != nil || e.Format <= 0 || e.ID == "" {
		return envelope{}, nil, fmt.Errorf("%w: its first line cannot be read", errBroken)
	}
	if e.Format != envelopeFormat {
		return e, nil, fmt.Errorf("document format %d is unknown, this release knows format %d: another "+
			"release of this provider wrote it, and has to be used from now on", e.Format, envelopeFormat)
	}
	if e.Length < 0 || len(body) < e.Length {
		return e, nil, fmt.Errorf("%w: %d of %d bytes are there", errBroken, len(body), e.Length)
	}
	body = body[:e.Length]
	var right bool
	if e.checked, right = headChecked(head); !right || checksum(body) != e.SHA256 {
		return e, nil, fmt.Errorf("%w: its checksum differs", errBroken)
	}
	return e, body, nil
}
