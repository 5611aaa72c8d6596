package image

import "io"

// A behindWriter may be this far behind before Write waits for it: 2 MiB.
const (
	behindBuffers    = 8
	behindBufferSize = 256 << 10
)

// behindWriter hands what it is given to a writer in a goroutine of its own, so that hashing overlaps with whatever else
// is done to the same bytes. The writer must not fail: it is a hash.
type behindWriter struct {
	full  chan<- []byte
	free  <-chan []byte
	ended <-chan struct{}
}

func newBehindWriter(w io.Writer) *behindWriter {
	full, free, ended := make(chan []byte, behindBuffers), make(chan []byte, behindBuffers), make(chan struct{})
	for range behindBuffers {
		free <- nil // made on first use: a small file needs one
	}
	go func() {
		defer close(ended)
		for buf := range full {
			_, _ = w.Write(buf)
			free <- buf
		}
	}()
	return &behindWriter{full: full, free: free, ended: ended}
}

// Write takes a copy of p.
func (b *behindWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		buf := <-b.free
		if buf == nil {
			buf = make([]byte, behindBufferSize)
		}
		n := copy(buf[:behindBufferSize], rest)
		rest = rest[n:]
		b.full <- buf[:n]
	}
	return len(p), nil
}

// end waits until everything was written. It is called once, and nothing is written after it.
func (b *behindWriter) end() {
	close(b.full)
	<-b.ended
}
