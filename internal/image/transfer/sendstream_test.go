package transfer

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// For every layout of data and zeros, the sink holds the image, and long zeros were not sent.
func TestRunsAddUpToTheImage(t *testing.T) {
	const block = runBlock
	for name, spans := range map[string][]int{ // lengths of data and zeros in turn
		"data":                     {2 << 20},
		"data, short hole, data":   {block, block, block},
		"data, long hole, data":    {3 * block, 2 * localfile.JoinGap, block + 512},
		"data, long hole":          {block, 3 * localfile.JoinGap},
		"data, short hole":         {block, 3 * block},
		"a sector, hole, a sector": {512, 2*localfile.JoinGap - 512, 512},
		"hole of just the gap":     {block, localfile.JoinGap, block},
		"odd places":               {1000, localfile.JoinGap + 24, 512, localfile.JoinGap + block, 1536},
	} {
		t.Run(name, func(t *testing.T) {
			var data []byte
			for n, length := range spans {
				part := make([]byte, length)
				if n%2 == 0 {
					copy(part, bytes.Repeat([]byte{0x01}, length))
				}
				data = append(data, part...)
			}
			copy(data[510:], "\x55\xaa")
			im, err := open(t.Context(), source{once: io.MultiReader(bytes.NewReader(data)), length: int64(len(data))})
			if err != nil {
				t.Fatal(err)
			}
			defer im.Close()
			var sink imagetest.Sink
			got, err := im.Send(t.Context(), &sink)
			if err != nil || !bytes.Equal(sink.Data, data) || got.Digest != imagetest.Digest(data) {
				t.Errorf("%d bytes arrived of %d, %+v, %v", len(sink.Data), len(data), got, err)
			}
			most := int64(len(data) + 2*block + localfile.LastBytes) // with the hole
			if len(spans) > 1 && spans[1] > localfile.JoinGap+2*block && got.Transferred > most-int64(spans[1]) {
				t.Errorf("%d of %d bytes were sent, in %v", got.Transferred, len(data), sink.Calls)
			}
		})
	}
}

// The memory that sending takes does not grow with the image.
func TestSendingTakesBoundedMemory(t *testing.T) {
	file := bomb(t, imagetest.RawDisk(4<<20), 256<<20)
	im := opened(t, source{path: imagetest.WriteFile(t, file)})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := im.Send(t.Context(), Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("sending %d bytes allocated %d", im.Size, took)
	}
}
