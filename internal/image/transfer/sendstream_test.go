package transfer

import (
	"bytes"
	"io"
	"runtime"
	"slices"
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

// Bytes that are no image arrive whole, and are refused if they are not as many as was said.
func TestBytesAreSentWithoutTheirZeros(t *testing.T) {
	const gap = 2 * localfile.JoinGap
	data, none := bytes.Repeat([]byte{7}, runBlock), make([]byte, gap)
	for name, c := range map[string]struct {
		parts [][]byte
		most  int // bytes that are sent
	}{
		"nothing":       {nil, 0},
		"zeros":         {[][]byte{none}, localfile.LastBytes},
		"data":          {[][]byte{data, data}, 2 * runBlock},
		"data at begin": {[][]byte{data, none}, runBlock + localfile.LastBytes},
		"data at end":   {[][]byte{none, data}, runBlock},
		"data between":  {[][]byte{none, data, data, none, data, none}, 3*runBlock + localfile.LastBytes},
		"an odd end":    {[][]byte{data, none, {1, 2, 3}}, runBlock + 3},
		"an odd zero":   {[][]byte{data, none, {0, 0, 0}}, runBlock + localfile.LastBytes},
		"only a little": {[][]byte{{1}}, 1},
	} {
		content := slices.Concat(c.parts...)
		for _, more := range []int64{0, 1, -1} { // than there is
			size := int64(len(content)) + more
			if size < 0 {
				continue
			}
			var sink imagetest.Sink
			sent, err := SendBytes(t.Context(), "it", &sink, bytes.NewReader(content), size)
			if (err == nil) != (more == 0) {
				t.Errorf("%s: of %d bytes, as %d: %v", name, len(content), size, err)
			}
			if more == 0 && (!bytes.Equal(sink.Data, content) || sent > int64(c.most)) {
				t.Errorf("%s: %d bytes were sent, and %d arrived, of %d", name, sent, len(sink.Data), len(content))
			}
		}
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
