package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func open(t *testing.T, text string) (*os.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, path
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOutputIsAppended(t *testing.T) {
	file, path := open(t, "before\n")
	l := New(file, 7, time.Minute)
	fmt.Fprint(l, "half of ")
	fmt.Fprint(l, "a line\nwithout an end")
	l.Printf("the end of %d", 1)
	l.Close()
	if got, want := content(t, path), "before\nhalf of a line\nwithout an endnova-init: the end of 1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestALogKeepsItsEnd(t *testing.T) {
	file, path := open(t, "")
	l := New(file, 0, time.Minute)
	const lines = 3 * MaxSize / 64
	for n := range lines {
		fmt.Fprintf(l, "line %058d\n", n)
	}
	l.Close()
	got := content(t, path)
	if len(got) > MaxSize || len(got) < MaxSize/2-64 {
		t.Errorf("it has %d bytes", len(got))
	}
	first := 0
	if _, err := fmt.Sscanf(got, "line %d\n", &first); err != nil {
		t.Fatalf("it begins with %q", got[:20])
	}
	var want strings.Builder
	for n := first; n < lines; n++ {
		fmt.Fprintf(&want, "line %058d\n", n)
	}
	if got != want.String() {
		t.Error("lines are missing, or damaged")
	}
}

func TestALineWithoutEndIsCut(t *testing.T) {
	file, path := open(t, "")
	l := New(file, 0, time.Minute)
	for range 40 {
		_, _ = l.Write(bytes.Repeat([]byte("x"), 1<<20))
	}
	l.Close()
	if got := content(t, path); len(got) > MaxSize || len(got) < MaxSize/2 || strings.Trim(got, "x") != "" {
		t.Errorf("it has %d bytes", len(got))
	}
}

// disk is a file whose disk answers when it is told to.
type disk struct {
	mu    sync.Mutex
	data  []byte
	ready chan struct{} // nil: always
	full  bool
}

func (d *disk) ReadAt(p []byte, at int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := copy(p, d.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (d *disk) WriteAt(p []byte, at int64) (int, error) {
	if d.ready != nil {
		<-d.ready
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return 0, errors.New("no space left on device")
	}
	d.data = append(d.data[:at], p...)
	return len(p), nil
}

func (d *disk) Truncate(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.data = d.data[:size]
	return nil
}

// An application waits for a disk that has stopped once, and then not again until it goes on.
func TestADiskThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{ready: make(chan struct{})}
		l := New(d, 0, Patience)
		block := bytes.Repeat([]byte("x"), buffered/4)
		begun := time.Now()
		for range 100 {
			_, _ = l.Write(block)
		}
		if took := time.Since(begun); took < Patience || took > Patience+time.Millisecond {
			t.Errorf("it waited for %v", took)
		}
		close(d.ready)
		synctest.Wait()
		_, _ = l.Write([]byte("again\n"))
		l.Close()
		text := string(d.data)
		if !strings.HasSuffix(text, "again\n") || !strings.Contains(text, "bytes of output are lost") {
			t.Errorf("it ends with %q", text[max(0, len(text)-200):])
		}
		var lost int
		if _, err := fmt.Sscanf(text[strings.Index(text, "nova-init: "):], "nova-init: %d", &lost); err != nil ||
			lost+strings.Count(text, "x")-strings.Count(text[strings.Index(text, "nova-init: "):],
				"x") != 100*len(block) {
			t.Errorf("%d are lost, and %d are there", lost, strings.Count(text, "x"))
		}
	})
}

func TestAFullDiskStopsNothing(t *testing.T) {
	d := &disk{full: true}
	l := New(d, 0, time.Minute)
	for range 20 {
		if n, err := l.Write(make([]byte, 1<<20)); n != 1<<20 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	l.Close()
	if len(d.data) != 0 {
		t.Errorf("it has %d bytes", len(d.data))
	}
}

// What was printed is in the file before anything else is said about it.
func TestFlushWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{ready: make(chan struct{})}
		l := New(d, 0, Patience)
		l.Flush() // of nothing takes no time
		begun := time.Now()
		l.Printf("first")
		synctest.Wait() // the disk has it
		l.Printf("second")
		time.AfterFunc(Patience/4, func() { d.ready <- struct{}{} })
		time.AfterFunc(Patience/2, func() { d.ready <- struct{}{} })
		l.Flush()
		if got := string(d.data); got != "nova-init: first\nnova-init: second\n" {
			t.Errorf("the file has %q", got)
		}
		if took := time.Since(begun); took != Patience/2 {
			t.Errorf("it waited for %v", took)
		}
		l.Printf("third")
		begun = time.Now()
		l.Flush()
		if took := time.Since(begun); took != Patience {
			t.Errorf("it waited for %v", took)
		}
		close(d.ready)
		l.Close()
	})
}

// The log says that output was lost even if no other output follows.
func TestTheLastLossIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{ready: make(chan struct{})}
		l := New(d, 0, Patience)
		for range 3 {
			_, _ = l.Write(bytes.Repeat([]byte("x"), buffered))
		}
		close(d.ready)
		l.Close()
		if text := string(d.data); !strings.HasSuffix(text, "did not take them\n") {
			t.Errorf("it ends with %q", text[max(0, len(text)-200):])
		}
	})
}

func TestCloseDoesNotWaitForADiskForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{ready: make(chan struct{})}
		l := New(d, 0, Patience)
		l.Printf("a line")
		begun := time.Now()
		l.Close()
		if took := time.Since(begun); took != Patience {
			t.Errorf("it waited for %v", took)
		}
		close(d.ready)
	})
}
