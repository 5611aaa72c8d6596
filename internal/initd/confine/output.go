//go:build linux

package confine

import (
	"io"
	"time"
)

// aMoment is until when output may follow the end of the process that wrote it: what is in the pipe
// is read at once.
func aMoment() time.Time { return time.Now().Add(50 * time.Millisecond) }

// lastOf reads to the end, or to an error, and returns the last n bytes.
func lastOf(r io.Reader, n int) string {
	var last []byte
	part := make([]byte, 4096)
	for {
		got, err := r.Read(part)
		last = append(last, part[:got]...)
		last = last[max(0, len(last)-n):]
		if err != nil {
			return string(last)
		}
	}
}
