package poolstore

import (
	"compress/gzip"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// layout says which document a record is in. A pool's refresh takes the host some 35 µs a volume, and libvirt refreshes
// the pool after each upload; so it is few documents that hold many records. Which one is part of the format: another
// rule finds nothing of what was written by this one.
type layout struct {
	kind string
	// shards is how many documents share a tenant's records of the kind; 0 gives each record a document of its own.
	shards int
	// level is how hard pages are compressed, as in compress/gzip. Versions of a template are much the same, but of
	// templates, which are searched all at once, it takes longer than it saves.
	level int
}

// The layouts of a catalog. Versions of one template are always together. Processes that write at the same time are
// in each other's way in one document only.
var (
	templates = layout{kind: "template", shards: 1, level: gzip.NoCompression}
	versions  = layout{kind: "version", shards: 4, level: gzip.BestSpeed}
	bases     = layout{kind: "base", level: gzip.NoCompression}
	requests  = layout{kind: "request", shards: 4, level: gzip.BestSpeed}
)

// page is what stays together of a record's key, and is compressed together: a version's template, with the @.
func page(key string) string { return key[:strings.IndexByte(key, '@')+1] }

// document is the key of the document that a record is in: its own key, the tenant, or TENANT/SHARD.
func (l layout) document(key string) string {
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

// holds tells whether a document, by its stem, may have records whose keys start with the prefix.
func (l layout) holds(docStem, prefix string) bool {
	tenant, _, ofOneTenant := strings.Cut(prefix, "/")
	switch {
	case l.shards == 0 || !ofOneTenant:
		return strings.HasPrefix(docStem, naming.DocumentPrefix(l.kind, prefix))
	case l.shards == 1 || page(prefix) != "":
		return docStem == naming.DocumentStem(l.kind, l.document(prefix))
	default:
		return strings.HasPrefix(docStem, naming.DocumentStem(l.kind, tenant))
	}
}
