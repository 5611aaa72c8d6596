package poolstore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A document's volume is named nova.KIND.KEY.REVISION.json, with the key's slash (tenant/name) as a dot: tenants have
// no dots, so the tenant shows in the name and rules on the host can match it.

// stem is what all revisions of a document have in common.
func stem(kind, key string) string {
	return "nova." + kind + "." + strings.Replace(key, "/", ".", 1) + "."
}

// stemPrefix is what the stems of all keys with that prefix start with.
func stemPrefix(kind, prefix string) string { return strings.TrimSuffix(stem(kind, prefix), ".") }

// volumeOf names the volume of one revision.
func volumeOf(docStem string, rev catalog.Revision) string {
	return fmt.Sprintf("%s%d.json", docStem, rev)
}

// parseName splits a volume's name into its document's stem and revision; ok is false for volumes that are no documents.
func parseName(volume string) (docStem string, rev catalog.Revision, ok bool) {
	rest, isJSON := strings.CutSuffix(volume, ".json")
	if !isJSON || !strings.HasPrefix(rest, "nova.") {
		return "", 0, false
	}
	dot := strings.LastIndexByte(rest, '.')
	n, err := strconv.ParseUint(rest[dot+1:], 10, 63)
	if err != nil || n == 0 || rest[dot+1] == '0' {
		return "", 0, false
	}
	return rest[:dot+1], catalog.Revision(n), true
}
