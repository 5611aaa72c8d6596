package ext4_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
)

// newUpper writes an upper of size bytes to a file.
func newUpper(t testing.TB, size int64) (path string, sent int64) {
	t.Helper()
	sink := newSink(t, true)
	sent, err := ext4.Upper{
		Origin: image.Origin{Name: "upper"},
		Label:  "nova-upper",
		Seed:   "web-1",
		Size:   size,
	}.Send(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return sink.Name(), sent
}

func TestUpperOfAnySize(t *testing.T) {
	const mib, gib = 1 << 20, 1 << 30
	for _, size := range []int64{
		ext4.MinUpper, ext4.MinUpper + 4095, 64 * mib, 127 * mib, 128 * mib, 128*mib + 4096, 130 * mib, 131 * mib, gib, 5*gib + 12345,
		8 * gib, 8*gib + 2*mib, 16 * gib, 17 * gib, 200 * gib, 1 << 40,
	} {
		path, sent := newUpper(t, size)
		check(t, path)
		t.Logf("%d MiB: %d bytes sent", size>>20, sent)
		if size <= 16*gib && sent > 200_000 {
			t.Errorf("for %d bytes, %d are sent", size, sent)
		}
		at, unmount := mount(t, path, "loop")
		_ = at
		unmount()
		check(t, path)
	}
}
