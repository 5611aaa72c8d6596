package poolstore

import (
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// layout says which document a record is in. A pool's refresh takes the host some 35 µs per volume,
// and libvirt refreshes the pool after each upload. So a few documents hold many records. The
// layout is part of the format: a different rule would find no record that was written under this
// one.
type layout struct {
	kind string
	// shards is how many documents share a tenant's records of the kind; 0 gives each record its own
	// document.
	shards int
	// whole says that all records of the kind are in one document.
	whole bool
	// level is how hard pages are compressed, as in compress/gzip. Versions of a template are much
	// alike. Templates are not compressed: a search reads all of them, and compression takes longer
	// than it saves.
	level int
}

// The layouts of a catalog. All versions of one template are in one document. Concurrent processes
// get in each other's way only in the same document.
var (
	templates = layout{kind: "template", shards: 1, level: gzip.NoCompression}
	versions  = layout{kind: "version", shards: 4, level: gzip.BestSpeed}
	bases     = layout{kind: "base", level: gzip.NoCompression}
	snapshots = layout{kind: "warm", level: gzip.NoCompression}
	rounds    = layout{kind: "round", shards: 1, level: gzip.NoCompression}
	requests  = layout{kind: "request", shards: 4, level: gzip.BestSpeed}
	// A tenant's placements are in one document, because its quotas are about all of them.
	placements    = layout{kind: "placement", shards: 1, level: gzip.BestSpeed}
	resourcePools = layout{kind: "resource-pool", level: gzip.NoCompression}
	// A plan reads what is said of all hosts.
	hosts = layout{kind: "host", whole: true, level: gzip.NoCompression}
)

// page returns the part of a record's key that the records of one page share: a version's template,
// with the @. A page is stored and compressed as a unit.
func page(key string) string { return key[:strings.IndexByte(key, '@')+1] }

// wholeKey is the key of the document that has all records of a kind.
const wholeKey = "all"

// document returns the key of the document that a record is in: the record's own key, the tenant,
// TENANT/SHARD, or wholeKey.
func (l layout) document(key string) string {
	if l.whole {
		return wholeKey
	}
	if l.shards == 0 {
		return key
	}
	tenant, _, _ := strings.Cut(key, "/")
	if l.shards == 1 {
		return tenant
	}
	together := page(key)
	if together == "" {
		together = key
	}
	sum := fnv.New32a()
	sum.Write([]byte(together))
	return fmt.Sprintf("%s/%x", tenant, sum.Sum32()%uint32(l.shards))
}

// keyOf is the key of a document by its stem, in which a slash has become a dot.
func keyOf(l layout, docStem string) string {
	return strings.TrimSuffix(strings.TrimPrefix(docStem, naming.DocumentPrefix(l.kind, "")), ".")
}

// holds reports whether a document, named by its stem, may have records whose keys start with the
// prefix.
func (l layout) holds(docStem, prefix string) bool {
	tenant, _, ofOneTenant := strings.Cut(prefix, "/")
	switch {
	case l.whole:
		return docStem == naming.DocumentStem(l.kind, wholeKey)
	case l.shards == 0 || !ofOneTenant:
		return strings.HasPrefix(docStem, naming.DocumentPrefix(l.kind, prefix))
	case l.shards == 1 || page(prefix) != "":
		return docStem == naming.DocumentStem(l.kind, l.document(prefix))
	default:
		return strings.HasPrefix(docStem, naming.DocumentStem(l.kind, tenant))
	}
}
