package ext4

import (
	"bytes"
	"errors"
	"slices"
)

const (
	// unit is what is read of a file at once, in bytes. Units of zeros become holes.
	unit = 64 << 10
	// buffered is how much of the file system is kept until it is sent, in bytes.
	buffered = 256 << 10
)

var zeros [unit]byte

func isZero(data []byte) bool { return bytes.Equal(data, zeros[:len(data)]) }

// errStopped ends writing when nobody wants the rest.
var errStopped = errors.New("the sending has ended")

// output passes on blocks, which come in order. Before a block it passes on the early blocks that
// lie before it.
type output struct {
	yield  func(piece) bool
	buffer []byte // is to be passed on
	first  int64  // the block where the buffer begins
	early  []late
	sum    sum   // of all blocks that are not late
	passed int64 // bytes
}

// late is a block whose content is known last.
type late struct {
	block int64
	data  []byte
}

// write passes on blocks from that number on; the last one is filled up with zeros.
func (o *output) write(block int64, data []byte) error {
	for len(o.early) > 0 && o.early[0].block < block {
		e := o.early[0]
		o.early = o.early[1:]
		if err := o.put(e.block, e.data); err != nil {
			return err
		}
	}
	o.sum = o.sum.over(data)
	return o.put(block, data)
}

func (o *output) put(block int64, data []byte) error {
	if end := o.first + int64(len(o.buffer))/BlockSize; block != end {
		if err := o.flush(); err != nil {
			return err
		}
		o.first = block
	}
	for len(data) > 0 {
		if len(o.buffer) == buffered {
			if err := o.flush(); err != nil {
				return err
			}
		}
		if o.buffer == nil {
			o.buffer = make([]byte, 0, buffered)
		}
		n := min(len(data), buffered-len(o.buffer))
		o.buffer = append(o.buffer, data[:n]...)
		data = data[n:]
		if rest := len(o.buffer) % BlockSize; rest > 0 { // only where data ends
			o.buffer = append(o.buffer, zeros[:BlockSize-rest]...)
		}
	}
	return nil
}

// flush passes on what the buffer has.
func (o *output) flush() error {
	if len(o.buffer) == 0 {
		return nil
	}
	o.passed += int64(len(o.buffer))
	if !o.yield(piece{o.first * BlockSize, o.buffer}) {
		return errStopped
	}
	o.first += int64(len(o.buffer)) / BlockSize
	o.buffer = o.buffer[:0]
	return nil
}

// finish passes on all that is left.
func (o *output) finish() error {
	for _, e := range slices.Clip(o.early) {
		if err := o.put(e.block, e.data); err != nil {
			return err
		}
	}
	o.early = nil
	return o.flush()
}
