package rpc

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func frame(proc, kind uint32, serial int32, status uint32, body string) []byte {
	var b bytes.Buffer
	for _, word := range []uint32{uint32(frameHeader + len(body)), 0x20008086, 1, proc, kind, uint32(serial), status} {
		_ = binary.Write(&b, binary.BigEndian, word)
	}
	b.WriteString(body)
	return b.Bytes()
}

// through passes libvirtd's frames through a wire. It returns what go-libvirt sees and what
// libvirtd gets back.
func through(t *testing.T, frames ...[]byte) (seen, returned []byte) {
	t.Helper()
	near, far := net.Pipe()
	w := newWire(near)
	back := make(chan []byte)
	go func() {
		got := make([]byte, 4*frameHeader)
		n, _ := io.ReadAtLeast(far, got, frameHeader)
		back <- got[:n]
	}()
	go func() {
		_, _ = far.Write(bytes.Join(frames, nil))
		// Reading ends when libvirtd gets something back, or at the deadline.
		_ = near.SetReadDeadline(time.Now().Add(time.Second / 2))
	}()
	seen, _ = io.ReadAll(w)
	near.Close()
	return seen, <-back
}

func TestDataThatOvertakesItsReplyWaitsForIt(t *testing.T) {
	reply := frame(procDownload, frameReply, 7, frameOK, "")
	data := frame(procDownload, frameStream, 7, frameContinue, "the data")
	end := frame(procDownload, frameStream, 7, frameContinue, "")
	other := frame(66, frameReply, 8, frameOK, "something else")
	want := bytes.Join([][]byte{other, reply, data, end}, nil)

	seen, returned := through(t, data, other, end, reply)
	if !bytes.Equal(seen, want) {
		t.Errorf("go-libvirt sees\n%q, want\n%q", seen, want)
	}
	if finish := frame(procDownload, frameStream, 7, frameOK, ""); !bytes.Equal(returned, finish) {
		t.Errorf("libvirtd gets %q, want %q", returned, finish)
	}
	seen, _ = through(t, other, reply, data, end)
	if !bytes.Equal(seen, want) {
		t.Errorf("what was in order is not any more: %q", seen)
	}
}

func TestNothingComesAfterTheEndOfAStream(t *testing.T) {
	reply := frame(procDownload, frameReply, 7, frameOK, "")
	end := frame(procDownload, frameStream, 7, frameContinue, "")
	late := frame(procDownload, frameStream, 7, 1, "an error")
	done := frame(procDownload, frameStream, 7, frameOK, "")
	next := frame(66, frameReply, 8, frameOK, "next")
	seen, _ := through(t, reply, end, end, late, done, next)
	if want := bytes.Join([][]byte{reply, end, next}, nil); !bytes.Equal(seen, want) {
		t.Errorf("go-libvirt sees\n%q, want\n%q", seen, want)
	}
}

func TestFramesOfOursGoBetweenThoseOfGoLibvirt(t *testing.T) {
	near, far := net.Pipe()
	w := newWire(near)
	theirs := frame(1, 0, 9, frameOK, strings.Repeat("x", 100))
	ours := frame(procDownload, frameStream, 7, frameOK, "")
	got := make(chan []byte)
	go func() {
		b := make([]byte, len(theirs)+len(ours))
		_, _ = io.ReadFull(far, b)
		got <- b
	}()
	for _, part := range [][]byte{theirs[:50], theirs[50:]} {
		if _, err := w.Write(part); err != nil {
			t.Error(err)
		}
		if len(part) == 50 {
			w.finish([frameHeader]byte(frame(procDownload, frameStream, 7, frameContinue, "")))
		}
	}
	if b, want := <-got, append(theirs, ours...); !bytes.Equal(b, want) {
		t.Errorf("libvirtd gets\n%q, want\n%q", b, want)
	}
}

func TestOtherProtocolsAreRecognised(t *testing.T) {
	for _, greeting := range []string{
		"SSH-2.0-OpenSSH_9.2 and a few more bytes", "\x00\x00\x00\x05 and many more bytes than that",
	} {
		near, far := net.Pipe()
		go func() { _, _ = far.Write([]byte(greeting)) }()
		w := newWire(near)
		if _, err := w.Read(make([]byte, 100)); err == nil || !strings.Contains(err.Error(), "protocol") ||
			!w.lost.Load() {
			t.Errorf("%q: got %v", greeting, err)
		}
	}
}
