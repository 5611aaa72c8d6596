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
	full  chan<- piece
	free  <-chan []byte
	ended <-chan struct{}
}

// piece is what is written at once, and the buffer that is free again once it is.
type piece struct{ data, buffer []byte }

func newBehindWriter(w io.Writer) *behindWriter {
	full, free, ended := make(chan piece, behindBuffers), make(chan []byte, behindBuffers), make(chan struct{})
	for range behindBuffers {
		free <- nil // made on first use: a small file needs one
	}
	go func() {
		defer close(ended)
		for p := range full {
			_, _ = w.Write(p.data)
			free <- p.buffer
		}
	}()
	return &behindWriter{full: full, free: free, ended: ended}
}

// buffer waits for a free buffer, which is to be handed to put.
func (b *behindWriter) buffer() []byte {
	buffer := <-b.free
	if buffer == nil {
		buffer = make([]byte, behindBufferSize)
	}
	return buffer
}

// put writes data, which is in the buffer, or never changes.
func (b *behindWriter) put(data, buffer []byte) { b.full <- piece{data, buffer} }

// Write takes a copy of p.
func (b *behindWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		buffer := b.buffer()
		n := copy(buffer, rest)
		rest = rest[n:]
		b.put(buffer[:n], buffer)
	}
	return len(p), nil
}

// end waits until everything was written. It is called once, and nothing is written after it.
func (b *behindWriter) end() {
	close(b.full)
	<-b.ended
}
