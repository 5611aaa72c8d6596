package poolstore

import (
	"fmt"
	"strconv"
	"strings"
)

// A document's volume is named nova.KIND.KEY.NUMBER.json, with the key's slash (tenant/name) as a dot: tenants have no
// dots, so the tenant shows in the name and rules on the host can match it.

// maxNumber bounds the number in a name, far above what any document reaches: a foreign volume of a huge number must
// not leave a document without a next one.
const maxNumber = 1<<32 - 1

// stem is what all volumes of a document have in common.
func stem(kind, key string) string {
	return "nova." + kind + "." + strings.Replace(key, "/", ".", 1) + "."
}

// stemPrefix is what the stems of all keys with that prefix start with.
func stemPrefix(kind, prefix string) string { return strings.TrimSuffix(stem(kind, prefix), ".") }

// volumeOf names the volume of one number.
func volumeOf(docStem string, number uint64) string {
	return fmt.Sprintf("%s%d.json", docStem, number)
}

// parseName splits a volume's name into its document's stem and number; ok is false for volumes that are no documents.
func parseName(volume string) (docStem string, number uint64, ok bool) {
	rest, isJSON := strings.CutSuffix(volume, ".json")
	if !isJSON || !strings.HasPrefix(rest, "nova.") {
		return "", 0, false
	}
	dot := strings.LastIndexByte(rest, '.')
	number, err := strconv.ParseUint(rest[dot+1:], 10, 64)
	if err != nil || number == 0 || number > maxNumber || rest[dot+1] == '0' {
		return "", 0, false
	}
	docStem = rest[:dot+1]
	return docStem, number, strings.Count(docStem, ".") > 2 // else it has no key
}
