package blockmap

import "bytes"

// Writer maps a disk that is written to it from its beginning to its end.
type Writer struct {
	m     *Map
	block []byte
}

// Writer turns m into the map of what is written.
func (m *Map) Writer() *Writer {
	m.Size, m.runs = 0, nil
	return &Writer{m: m}
}

var zeros [BlockSize]byte

// Write implements io.Writer. It never fails.
func (w *Writer) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		n := min(BlockSize-len(w.block), len(p))
		if n == BlockSize {
			w.add(p[:n])
		} else if w.block = append(w.block, p[:n]...); len(w.block) == BlockSize {
			w.add(w.block)
			w.block = w.block[:0]
		}
		p = p[n:]
	}
	return written, nil
}

func (w *Writer) add(block []byte) {
	if !bytes.Equal(block, zeros[:len(block)]) {
		w.m.Append(w.m.Size/BlockSize, w.m.SumOf(block))
	}
	w.m.Size += int64(len(block))
}

// End completes the map. Nothing is written after it.
func (w *Writer) End() *Map {
	if len(w.block) > 0 {
		w.add(w.block)
		w.block = nil
	}
	return w.m
}
