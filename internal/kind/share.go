package kind

import (
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Share is a part of a request that takes room.
type Share struct {
	At   finding.Path
	What string
	Size int // bytes
}

// Sum is how many bytes shares take together.
func Sum(shares []Share) (size int) {
	for _, s := range shares {
		size += s.Size
	}
	return size
}

// Largest is the share that takes the most room. There must be at least one.
func Largest(shares []Share) Share {
	return slices.MaxFunc(shares, func(a, b Share) int { return a.Size - b.Size })
}

// MiB writes a number of bytes.
func MiB(bytes int) string { return fmt.Sprintf("%.2f MiB", float64(bytes)/(1<<20)) }
