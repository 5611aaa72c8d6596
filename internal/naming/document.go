package naming

import (
	"strconv"
	"strings"
)

// maxRevision bounds the revision in a name, far above what any document reaches: a foreign volume
// with a huge revision must not leave a document without a next one.
const maxRevision = 1<<32 - 1

// DocumentStem is the common start of the names of all volumes of a document. A key's slash
// (tenant/name) becomes a dot in it.
func DocumentStem(kind, key string) string {
	return own + kind + "." + strings.Replace(key, "/", ".", 1) + "."
}

// DocumentPrefix is the common start of the stems of all documents whose keys start with keys.
func DocumentPrefix(kind, keys string) string {
	return strings.TrimSuffix(DocumentStem(kind, keys), ".")
}

// Document is the volume of one revision of a document.
func Document(stem string, revision uint64) string {
	return stem + strconv.FormatUint(revision, 10) + document
}

// ParseDocument splits the name of a document's volume. ok is false for a volume that is not a
// document.
func ParseDocument(volume string) (stem string, revision uint64, ok bool) {
	rest, isDocument := strings.CutSuffix(volume, document)
	if !isDocument || !IsOwn(rest) {
		return "", 0, false
	}
	dot := strings.LastIndexByte(rest, '.')
	revision, err := strconv.ParseUint(rest[dot+1:], 10, 64)
	if err != nil || revision == 0 || revision > maxRevision || rest[dot+1] == '0' {
		return "", 0, false
	}
	stem = rest[:dot+1]
	return stem, revision, strings.Count(stem, ".") > 2 // else it has no key
}
