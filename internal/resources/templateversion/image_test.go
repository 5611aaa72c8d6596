package templateversion

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

func TestASourceWithoutAChecksumProvesNothing(t *testing.T) {
	check := &imageCheck{version: &Model{}} // whose digest is not known
	if check.sameChecksum(t.Context(), file.Source{Path: "disk.img"}) {
		t.Error("no checksum is that of no image")
	}
}
