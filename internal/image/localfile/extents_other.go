//go:build !linux

package localfile

import (
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// nextData treats everything as data: templates are published from Linux, and elsewhere it is
// merely slower.
func nextData(_ *os.File, from, size int64) (image.Extent, bool) {
	return image.Extent{Offset: from, Length: size - from}, true
}
