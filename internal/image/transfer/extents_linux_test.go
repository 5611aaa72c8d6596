package transfer

import (
	"bytes"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

func TestHolesAreHashedButNotSent(t *testing.T) {
	const mib = 1 << 20
	piece := bytes.Repeat([]byte{7}, 64<<10)
	for name, c := range map[string]struct {
		size   int64
		pieces map[int64][]byte
		want   [][2]int64
	}{
		"hole at the end": {40 * mib, map[int64][]byte{0: imagetest.RawDisk(64 << 10)},
			[][2]int64{{0, 64 << 10}, {40*mib - localfile.LastBytes, localfile.LastBytes}}},
		"two islands": {40 * mib, map[int64][]byte{
			0: imagetest.RawDisk(64 << 10), 20 * mib: piece, 40*mib - 64<<10: piece,
		},
			[][2]int64{{0, 64 << 10}, {20 * mib, 64 << 10}, {40*mib - 64<<10, 64 << 10}}},
		"islands nearer than 1 MiB are one": {4 * mib,
			map[int64][]byte{0: imagetest.RawDisk(64 << 10), mib: piece, 4*mib - 64<<10: piece},
			[][2]int64{{0, mib + 64<<10}, {4*mib - 64<<10, 64 << 10}}},
		"no hole": {mib, map[int64][]byte{0: imagetest.RawDisk(mib)}, [][2]int64{{0, mib}}},
	} {
		t.Run(name, func(t *testing.T) {
			path, content := imagetest.Sparse(t, c.size, c.pieces)
			im := opened(t, source{path: path})
			if got, err := im.Digest(t.Context(), digest.Current); err != nil || got != imagetest.Digest(content) {
				t.Errorf("Digest = %s, %v; want %s", got, err, imagetest.Digest(content))
			}
			var sink imagetest.Sink
			got, err := im.Send(t.Context(), &sink)
			if err != nil {
				t.Fatal(err)
			}
			var total int64
			for i, e := range sink.Calls {
				total += e[1]
				if i >= len(c.want) || e != c.want[i] {
					t.Errorf("extent %d is %+v, want %+v", i, e, c.want)
				}
			}
			if len(sink.Calls) != len(c.want) || got.Transferred != total || got.Size != c.size ||
				got.Digest != imagetest.Digest(content) {
				t.Errorf("Send = %+v in %d extents, want %d bytes in %d", got, len(sink.Calls), total, len(c.want))
			}
			if !bytes.Equal(sink.Data, content) {
				t.Error("the sink holds other bytes than the file")
			}
		})
	}
}
