package archive

import "github.com/novacron/terraform-provider-novacron/internal/image"

// Limits bound what the layers of one image may ask for, all together.
type Limits struct {
	Entries int   // entries, including the directories that they imply; 0 for DefaultEntries
	Bytes   int64 // bytes of the archives, decompressed; 0 for DefaultBytes
	Memory  int64 // bytes of names, link targets and attributes that are kept; 0 for DefaultMemory
}

// The limits of an image if nothing else is asked for.
const (
	DefaultEntries = 1_000_000
	DefaultBytes   = 64 << 30
	DefaultMemory  = 256 << 20
)

const (
	// maxRatio is how many bytes a layer may have for each byte in its blob, once it has more than
	// ratioFrom bytes. Gzip reaches 1,032 with zeros alone (RFC 1951: 258 bytes for 2 bits).
	maxRatio  = 500
	ratioFrom = 1 << 30

	maxName   = 255      // bytes of a file's name (NAME_MAX)
	maxPath   = 4095     // bytes of a path, without the NUL (PATH_MAX)
	maxXattrs = 64 << 10 // bytes of names and values of one entry's extended attributes (XATTR_SIZE_MAX)
	maxID     = 1<<32 - 2
	maxMajor  = 1<<12 - 1 // of a device's number in Linux
	maxMinor  = 1<<20 - 1
)

// Budget is what is left of the limits while the layers of an image are read. It is not safe for
// concurrent use, except that a Reader counts bytes in a goroutine of its own while it is open: one
// Reader is open at a time.
type Budget struct {
	limits  Limits
	entries int
	bytes   int64
	memory  int64
}

// New creates a budget of everything that the limits allow.
func (l Limits) New() *Budget {
	if l.Entries == 0 {
		l.Entries = DefaultEntries
	}
	if l.Bytes == 0 {
		l.Bytes = DefaultBytes
	}
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	return &Budget{limits: l, entries: l.Entries, bytes: l.Bytes, memory: l.Memory}
}

// Entry counts an entry. It reports whether it was still allowed.
func (b *Budget) Entry() bool {
	b.entries--
	return b.entries >= 0
}

// Keep counts bytes that are kept in memory. It reports whether they are still allowed.
func (b *Budget) Keep(bytes int) bool {
	b.memory -= int64(bytes)
	return b.memory >= 0
}

// TooMany is the error once Entry has reported false.
func (b *Budget) TooMany(o image.Origin, layer string) error {
	return Refuse(o, layer, "Remove files from the image that containers do not need.",
		"it has more than %d files and directories", b.limits.Entries)
}

// TooMuch is the error once Keep has reported false.
func (b *Budget) TooMuch(o image.Origin, layer string) error {
	return Refuse(o, layer, "Inspect it: names, links and attributes of usual images take a few MiB.",
		"the names, link targets and attributes of its files take more than %d MiB of memory", b.limits.Memory>>20)
}

func (b *Budget) tooLong(o image.Origin, layer string) error {
	return Refuse(o, layer, "Remove files from the image that containers do not need.",
		"its layers have more than %d MiB when they are decompressed", b.limits.Bytes>>20)
}
