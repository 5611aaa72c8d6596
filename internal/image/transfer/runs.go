package transfer

import (
	"bytes"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// runBlock is the unit in which zeros are looked for, in bytes.
const runBlock = 64 << 10

// runs divides its input into runs of data and the long stretches of zeros between them. The last
// run ends where the input ends, even if that is zeros. Reading returns the bytes of one run.
type runs struct {
	r     io.Reader
	block [runBlock]byte
	data  []byte // of block, not returned yet
	zeros int64  // that come before data
	pos   int64  // where the next returned byte belongs, without those zeros
	err   error  // with which reading ended
}

// fill reads until there is data, or no more input.
func (r *runs) fill() {
	for len(r.data) == 0 && r.err == nil {
		n, err := io.ReadFull(r.r, r.block[:])
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		r.err = err
		if block := r.block[:n]; bytes.Equal(block, zeros[:n]) {
			r.zeros += int64(n)
		} else {
			r.data = block
		}
	}
}

// next goes to the beginning of the next run, and returns its offset; more is false if there is
// none.
func (r *runs) next() (offset int64, more bool) {
	r.fill()
	skip := r.zeros
	if len(r.data) == 0 { // only zeros follow, to the end
		skip = max(0, r.zeros-localfile.LastBytes)
	}
	r.pos += skip
	r.zeros -= skip
	return r.pos, len(r.data) > 0 || r.zeros > 0
}

// Read returns io.EOF at the end of a run.
func (r *runs) Read(p []byte) (int, error) {
	if len(r.data) == 0 && r.zeros == 0 {
		r.fill()
	}
	if r.err != nil && !image.Ended(r.err) {
		return 0, r.err
	}
	var n int
	switch {
	case r.zeros >= localfile.JoinGap || len(r.data) == 0 && r.zeros == 0:
		return 0, io.EOF
	case r.zeros > 0:
		n = copy(p, zeros[:min(r.zeros, int64(len(zeros)))])
		r.zeros -= int64(n)
	default:
		n = copy(p, r.data)
		r.data = r.data[n:]
	}
	r.pos += int64(n)
	return n, nil
}
