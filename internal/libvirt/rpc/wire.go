package rpc

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// libvirt's RPC frames (src/rpc/virnetprotocol.x): seven big-endian words, of
// which the first is the length of the whole frame, and a body.
const (
	frameHeader = 28
	frameMax    = 32 << 20 // VIR_NET_MESSAGE_MAX

	frameReply  = 1 // VIR_NET_REPLY
	frameStream = 3 // VIR_NET_STREAM

	frameOK       = 0 // VIR_NET_OK
	frameContinue = 2 // VIR_NET_CONTINUE: more of the stream follows

	procUpload   = 208 // REMOTE_PROC_STORAGE_VOL_UPLOAD
	procDownload = 209 // REMOTE_PROC_STORAGE_VOL_DOWNLOAD
)

// wire is a network connection to libvirtd that can be closed from outside and knows when data last
// arrived and whether it is lost. go-libvirt hides its connection and can only close it by asking
// the server.
//
// wire also brings the frames of a stream in order. libvirtd sends the reply to a request and the
// data of the stream that the request opened from different threads, and now and then the data
// comes first. go-libvirt takes the first frame for the reply: the beginning of the data would be
// lost without an error, and the late reply, for which no caller waits any more, would block the
// connection for ever, as would a second end of a stream.
//
// Last, wire confirms that a download is finished, which go-libvirt does not do: libvirtd would
// keep a file open for each download until the connection is closed.
type wire struct {
	net.Conn

	// The reading side, used by one goroutine.
	in      *bufio.Reader
	head    [frameHeader]byte
	pass    []byte   // bytes to hand out next
	body    int      // bytes of the frame to hand out from in, after pass
	queue   [][]byte // whole frames to hand out after that
	streams map[int32]*stream

	// The writing side.
	writing  sync.Mutex
	unsent   int      // bytes of the current frame that go-libvirt has yet to write
	finished [][]byte // frames of wire's own that wait for the end of that frame

	heard atomic.Int64 // Unix nanoseconds of the last bytes read
	lost  atomic.Bool
}

// stream is the state of a request's stream.
type stream struct {
	replied bool
	ended   bool
	held    [][]byte // frames that arrived before the reply
}

func newWire(c net.Conn) *wire {
	return &wire{Conn: c, in: bufio.NewReaderSize(c, 64<<10), streams: map[int32]*stream{}}
}

// Read hands out incoming data frame by frame. Only one goroutine may read at a time.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.read(p)
	if n > 0 {
		w.heard.Store(time.Now().UnixNano())
	}
	if err != nil {
		w.lost.Store(true)
	}
	return n, err
}

func (w *wire) read(p []byte) (int, error) {
	for len(w.pass) == 0 && w.body == 0 {
		if err := w.next(); err != nil {
			return 0, err
		}
	}
	if len(w.pass) > 0 {
		n := copy(p, w.pass)
		w.pass = w.pass[n:]
		return n, nil
	}
	n, err := w.in.Read(p[:min(len(p), w.body)])
	w.body -= n
	return n, err
}

// next reads the next frame's header and decides what to do with the frame.
func (w *wire) next() error {
	if len(w.queue) > 0 {
		w.pass, w.queue = w.queue[0], w.queue[1:]
		return nil
	}
	if _, err := io.ReadFull(w.in, w.head[:]); err != nil {
		return err
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(w.head[4*i:]) }
	length, proc, kind, serial, status := word(0), word(3), word(4), int32(word(5)), word(6)
	if length < frameHeader || length > frameMax {
		return fmt.Errorf("%s does not speak libvirt's protocol: it sent a frame of %d bytes", w.RemoteAddr(), length)
	}
	body := int(length) - frameHeader
	switch {
	case kind == frameStream:
		s := w.stream(serial)
		if s.ended {
			_, err := w.in.Discard(body)
			return err
		}
		s.ended = status != frameContinue || body == 0
		if s.ended && status == frameContinue {
			// Not in this goroutine: if libvirtd waited for it to read, both would wait.
			go w.finish(w.head)
		}
		if !s.replied {
			frame := make([]byte, length)
			copy(frame, w.head[:])
			_, err := io.ReadFull(w.in, frame[frameHeader:])
			s.held = append(s.held, frame)
			return err
		}
	case kind == frameReply && (proc == procUpload || proc == procDownload):
		s := w.stream(serial)
		s.replied, s.ended = true, s.ended || status != frameOK
		w.queue, s.held = s.held, nil
	}
	w.pass, w.body = w.head[:], body
	return nil
}

func (w *wire) stream(serial int32) *stream {
	s, ok := w.streams[serial]
	if !ok {
		s = &stream{}
		w.streams[serial] = s
	}
	return s
}

// finish tells libvirtd that a download was received. head is the header of its last frame.
func (w *wire) finish(head [frameHeader]byte) {
	binary.BigEndian.PutUint32(head[4*6:], frameOK)
	w.writing.Lock()
	defer w.writing.Unlock()
	w.finished = append(w.finished, head[:])
	_ = w.sendFinished() // an error means that the connection is lost, which its users will notice
}

func (w *wire) sendFinished() error {
	if w.unsent > 0 || len(w.finished) == 0 {
		return nil
	}
	_, err := w.Conn.Write(bytes.Join(w.finished, nil))
	w.finished = nil
	return err
}

// Write sends what go-libvirt writes, which starts each frame with a separate call, and records any
// error as a loss of the connection.
func (w *wire) Write(p []byte) (int, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if w.unsent == 0 {
		w.unsent = int(binary.BigEndian.Uint32(p))
	}
	n, err := w.Conn.Write(p)
	w.unsent -= n
	if err == nil {
		err = w.sendFinished()
	}
	if err != nil {
		w.lost.Store(true)
	}
	return n, err
}

// Close closes the connection, which wakes up readers.
func (w *wire) Close() error {
	w.lost.Store(true)
	return w.Conn.Close()
}
