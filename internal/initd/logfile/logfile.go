// Package logfile keeps what an application prints in a file of limited size, and never makes the
// application wait for a disk that does not answer.
package logfile

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// MaxSize is how large the file becomes, in bytes. Then its second half is kept.
	MaxSize = 8 << 20

	// Patience is how long output usually waits for a disk that takes nothing. After that it is lost
	// until the disk goes on.
	Patience = time.Second

	// buffered is what waits for the disk, in bytes.
	buffered = 1 << 20
)

// File is what a log needs of an *os.File.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
}

// Log appends to a file. It is for several goroutines at once.
type Log struct {
	file     File
	size     int64 // of the file; only the writing goroutine uses it
	patience time.Duration

	mu       sync.Mutex
	waiting  []byte
	lost     int64         // bytes since the last that were kept
	kept     int64         // bytes that have ever waited
	stored   int64         // bytes of them that the writing goroutine is done with
	taken    chan struct{} // closed, and replaced, when the writing goroutine takes what waits
	idle     chan struct{} // closed, and replaced, when the writing goroutine is done with what it took
	stalled  bool          // patience was at an end, and nothing was taken since
	more     chan struct{} // has an element if something waits
	done     chan struct{} // closed by Close
	finished chan struct{} // closed when everything is written
}

// New starts a log at the end of a file that has size bytes. Patience is how long it waits for a disk
// that takes nothing.
func New(file File, size int64, patience time.Duration) *Log {
	l := &Log{
		file:     file,
		size:     size,
		patience: patience,
		taken:    make(chan struct{}),
		idle:     make(chan struct{}),
		more:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		finished: make(chan struct{}),
	}
	go l.write()
	return l
}

// Write never fails. It keeps p, or, if the disk has taken nothing for as long as the log's patience,
// loses it and notes in the log how much was lost.
func (l *Log) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		part := p[:min(len(p), buffered)]
		l.append(part)
		p = p[len(part):]
	}
	return written, nil
}

// Printf writes a line of nova-init's own.
func (l *Log) Printf(format string, args ...any) {
	line := fmt.Appendf([]byte("nova-init: "), format, args...)
	l.append(append(line, '\n'))
}

func (l *Log) append(part []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(part) > buffered && !l.stalled {
		l.wait(len(part))
	}
	if len(l.waiting)+len(part) > buffered {
		l.lost += int64(len(part))
		return
	}
	before := len(l.waiting)
	if l.lost > 0 {
		l.waiting = fmt.Appendf(l.waiting, "\nnova-init: %d bytes of output are lost, because the log's disk "+
			"did not take them\n", l.lost)
		l.lost = 0
	}
	l.waiting = append(l.waiting, part...)
	l.kept += int64(len(l.waiting) - before)
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// wait gives the disk time to make room for n bytes, which are no more than the buffer has.
func (l *Log) wait(n int) {
	timer := time.NewTimer(l.patience)
	defer timer.Stop()
	for len(l.waiting)+n > buffered {
		taken := l.taken
		l.mu.Unlock()
		select {
		case <-taken:
			l.mu.Lock()
		case <-timer.C:
			l.mu.Lock()
			l.stalled = len(l.waiting)+n > buffered
			return
		}
	}
}

// Flush returns when all output so far is in the file, or when the log's patience is at an end.
func (l *Log) Flush() {
	l.append(nil) // notes what was lost
	timer := time.NewTimer(l.patience)
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for all := l.kept; l.stored < all; {
		idle := l.idle
		l.mu.Unlock()
		select {
		case <-idle:
			l.mu.Lock()
		case <-timer.C:
			l.mu.Lock()
			return
		}
	}
}

// Close returns when all output is in the file, or when the log's patience is at an end.
func (l *Log) Close() {
	l.append(nil) // notes what was lost
	close(l.done)
	timer := time.NewTimer(l.patience)
	defer timer.Stop()
	select {
	case <-l.finished:
	case <-timer.C:
	}
}

// write writes what waits until the log is closed.
func (l *Log) write() {
	defer close(l.finished)
	var part []byte
	for closed := false; !closed; {
		select {
		case <-l.more:
		case <-l.done:
			closed = true
		}
		l.mu.Lock()
		part, l.waiting = l.waiting, part[:0]
		l.stalled = false
		close(l.taken)
		l.taken = make(chan struct{})
		l.mu.Unlock()
		l.store(part)
		l.mu.Lock()
		l.stored += int64(len(part))
		close(l.idle)
		l.idle = make(chan struct{})
		l.mu.Unlock()
	}
}

// store appends to the file. A full disk loses what does not fit: there is nowhere to say so.
func (l *Log) store(part []byte) {
	if len(part) == 0 {
		return
	}
	if l.size+int64(len(part)) > MaxSize {
		l.halve()
	}
	if n, err := l.file.WriteAt(part, l.size); err == nil || n > 0 {
		l.size += int64(n)
	}
}

// halve keeps the last half of the file, from the beginning of a line on if there is one soon.
func (l *Log) halve() {
	part := make([]byte, 64<<10)
	from, to := max(0, l.size-MaxSize/2), int64(0)
	for first := true; from < l.size; first = false {
		n, err := l.file.ReadAt(part[:min(int64(len(part)), l.size-from)], from)
		if n == 0 && err != nil {
			break
		}
		keep := part[:n]
		from += int64(n)
		if first {
			keep = keep[bytes.IndexByte(keep, '\n')+1:]
		}
		if _, err := l.file.WriteAt(keep, to); err != nil {
			break
		}
		to += int64(len(keep))
	}
	l.size = to
	_ = l.file.Truncate(l.size) // as in store
}
