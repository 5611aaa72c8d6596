package transfer

import "io"

// An asyncWriter may be this far behind before Write waits for it: 2 MiB.
const (
	asyncBuffers    = 8
	asyncBufferSize = 256 << 10
)

// asyncWriter passes what it is given to a writer in its own goroutine, so that hashing overlaps
// with other work on the same bytes. The writer must not fail: it is a hash.
type asyncWriter struct {
	full  chan<- piece
	free  <-chan []byte
	ended <-chan struct{}
}

// piece is what is written at once, and the buffer that is free again once that is written.
type piece struct{ data, buffer []byte }

func newAsyncWriter(w io.Writer) *asyncWriter {
	full, free, ended := make(chan piece, asyncBuffers), make(chan []byte, asyncBuffers), make(chan struct{})
	for range asyncBuffers {
		free <- nil // allocated on first use: a small file needs one
	}
	go func() {
		defer close(ended)
		for p := range full {
			_, _ = w.Write(p.data)
			free <- p.buffer
		}
	}()
	return &asyncWriter{full: full, free: free, ended: ended}
}

// buffer waits for a free buffer, which the caller then passes to put.
func (b *asyncWriter) buffer() []byte {
	buffer := <-b.free
	if buffer == nil {
		buffer = make([]byte, asyncBufferSize)
	}
	return buffer
}

// put writes data, which is in the buffer, or never changes.
func (b *asyncWriter) put(data, buffer []byte) { b.full <- piece{data, buffer} }

// Write takes a copy of p.
func (b *asyncWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		buffer := b.buffer()
		n := copy(buffer, rest)
		rest = rest[n:]
		b.put(buffer[:n], buffer)
	}
	return len(p), nil
}

// end waits until everything is written. It is called once, and nothing is written after it.
func (b *asyncWriter) end() {
	close(b.full)
	<-b.ended
}
