package saveimage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

const (
	definition = "<domain type='qemu'><name>warm</name></domain>\n"
	cookie     = "<cookie>\n  <slirpHelper/>\n</cookie>\n"
)

// saved is a file as libvirt writes it, but for the memory.
func saved(order binary.ByteOrder, change func(*fixed)) []byte {
	texts := make([]byte, len(definition)+len(cookie)+2+64<<10)
	copy(texts, definition)
	copy(texts[len(definition)+1:], cookie)
	f := fixed{
		Version: version, TextsLength: uint32(len(texts)), WasRunning: 1, CookieOffset: uint32(len(definition) + 1),
	}
	copy(f.Magic[:], magic)
	if change != nil {
		change(&f)
	}
	head, _ := binary.Append(nil, order, f)
	return append(append(head, texts...), "QEVM"...)
}

func TestAHeadIsReadAndWritten(t *testing.T) {
	for name, order := range map[string]binary.ByteOrder{"little": binary.LittleEndian, "big": binary.BigEndian} {
		t.Run(name, func(t *testing.T) {
			file := saved(order, func(f *fixed) { f.Compression = 3 })
			if size := must.Get[int](t)(Size(file[:FixedSize])); size != len(file)-len("QEVM") {
				t.Fatalf("the head has %d bytes, and the file %d", size, len(file))
			}
			h := must.Get[Head](t)(Parse(file))
			if h.XML != definition || h.Cookie != cookie || !h.Running || h.Compression != 3 {
				t.Errorf("it is read as %+v", h)
			}
			if same := must.Get[[]byte](t)(h.Render()); !bytes.Equal(same, file[:len(same)]) {
				t.Error("what was read is written otherwise")
			}
			h.XML, h.Running = strings.Replace(definition, "warm", "a-much-longer-name", 1), false
			dressed := must.Get[[]byte](t)(h.Render())
			again := must.Get[Head](t)(Parse(append(dressed, "QEVM"...)))
			if len(dressed) != len(file)-len("QEVM") || again != h {
				t.Errorf("%d bytes are read as %+v, want %+v", len(dressed), again, h)
			}
			h.XML = strings.Repeat("x", 64<<10+len(definition)+1)
			if _, err := h.Render(); !errors.Is(err, ErrTooLong) {
				t.Errorf("a definition that does not fit gives %v", err)
			}
			h.XML, h.Cookie = strings.Repeat("x", 64<<10+len(definition)+1), ""
			if _, err := h.Render(); err != nil { // in the room of the cookie
				t.Error(err)
			}
		})
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"empty":           {nil, ErrNotSaved},
		"short":           {saved(binary.LittleEndian, nil)[:FixedSize-1], ErrNotSaved},
		"another format":  {bytes.Repeat([]byte("QFI\xfb"), FixedSize), ErrNotSaved},
		"another version": {saved(binary.LittleEndian, func(f *fixed) { f.Version = 3 }), ErrNotSaved},
		"endless":         {saved(binary.LittleEndian, func(f *fixed) { f.TextsLength = 1 << 31 }), ErrNotSaved},
		"cut":             {saved(binary.LittleEndian, nil)[:FixedSize+100], ErrPartial},
		"partial":         {saved(binary.LittleEndian, func(f *fixed) { copy(f.Magic[:], partial) }), ErrPartial},
		"cookie in front": {saved(binary.LittleEndian, func(f *fixed) { f.CookieOffset = 1 }), ErrNotSaved},
		"cookie behind":   {saved(binary.LittleEndian, func(f *fixed) { f.CookieOffset = 1 << 20 }), ErrNotSaved},
		"no end":          {saved(binary.LittleEndian, func(f *fixed) { f.TextsLength = 10 }), ErrNotSaved},
	} {
		if h, err := Parse(c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: read as %+v, %v, want %v", name, h, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(saved(binary.LittleEndian, nil))
	f.Add(saved(binary.BigEndian, func(f *fixed) { f.CookieOffset = 0 }))
	f.Add(saved(binary.LittleEndian, nil)[:FixedSize])
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := Parse(file)
		if err != nil {
			return
		}
		head, err := h.Render()
		if err != nil {
			t.Fatalf("%+v cannot be written: %v", h, err)
		}
		again, err := Parse(head)
		if err != nil || again != h {
			t.Errorf("%+v is written so that it is read as %+v, %v", h, again, err)
		}
	})
}
