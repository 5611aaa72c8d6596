package ext4_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// scripted are entries of which each takes four bytes: its kind, two paths, and a number.
func scripted(script []byte) (items []item) {
	kinds := []byte{tar.TypeReg, tar.TypeDir, tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo,
		tar.TypeXGlobalHeader, 'V'}
	path := func(b byte) string { return []string{"", "./", "/", "a/", "a/b/"}[b>>4%5] + string('a'+rune(b&15)) }
	for ; len(script) >= 4; script = script[4:] {
		n := int(script[3])
		it := item{Header: tar.Header{
			Name:     path(script[1]),
			Linkname: path(script[2]),
			Typeflag: kinds[int(script[0])%len(kinds)],
			Mode:     int64(n) << 4,
			Devminor: int64(n) << (script[0] >> 4),
			ModTime:  timeOf(int64(n) << 27),
		}}
		if it.Typeflag == tar.TypeReg {
			it.content = strings.Repeat(string(rune(script[2]&1)), n<<(script[0]>>4))
		}
		if n%3 == 1 {
			it.PAXRecords = map[string]string{xattr + "user.a": strings.Repeat("v", n), xattr + "trusted.b": ""}
		}
		items = append(items, it)
	}
	return items
}

// FuzzBase makes a base of any entries: it ends, within its limits; errors blame the source; both
// orders give the same bytes.
func FuzzBase(f *testing.F) {
	f.Add([]byte{0x60, 0x00, 1, 200, 1, 0x31, 0, 1, 2, 0x02, 0x00, 0})
	f.Add([]byte{3, 0x40, 0x33, 4, 4, 5, 0, 255, 5, 6, 0, 1, 6, 7, 0, 0, 7, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x70, 0, 0, 255, 8, 1, 1, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		o, entries := options(), entriesOf(scripted(script))
		o.MaxEntries, o.MaxBytes = 40, 256<<10
		planned, err := ext4.Plan(t.Context(), o, entries())
		if err != nil {
			imagetest.WantBlamed(t, err, "path")
			return
		}
		var ordered, once imagetest.Sink
		if _, err := planned.Send(t.Context(), entries(), &ordered); err != nil {
			t.Fatalf("it was planned: %v", err)
		}
		made, err := ext4.SendOnce(t.Context(), o, entries(), &once)
		if err != nil || made.Size != planned.Size || int64(len(ordered.Data)) != made.Size {
			t.Fatalf("%d and %d bytes were planned, and %d came: %v", planned.Size, made.Size, len(ordered.Data), err)
		}
		if !bytes.Equal(ordered.Data, once.Data) {
			t.Error("the order of sending changes bytes")
		}
		if limit := o.MaxBytes + int64(o.MaxEntries)*4*ext4.BlockSize; made.Size > limit {
			t.Errorf("it has %d bytes", made.Size)
		}
	})
}

// FuzzHeader makes a base of one entry with any header, and of its own seed.
func FuzzHeader(f *testing.F) {
	for _, it := range everything() {
		f.Add(it.Name, it.Linkname, it.Typeflag, it.Mode, it.Size, it.Uid, it.Gid, it.Devmajor, it.Devminor,
			it.ModTime.Unix(), "user.a", "value", "label")
	}
	f.Add("a", "", byte(tar.TypeReg), int64(-1), int64(1<<63-1), -1, 1<<40, int64(-1), int64(1)<<40, int64(-1)<<60,
		"", "", "")
	f.Fuzz(func(t *testing.T, name, link string, kind byte, mode, size int64, uid, gid int, major, minor, at int64,
		attribute, value, label string) {
		o := options()
		o.Label, o.Seed = label, value
		o.MaxEntries, o.MaxBytes = 5000, 1<<20
		it := item{Header: tar.Header{
			Name:       name,
			Linkname:   link,
			Typeflag:   kind,
			Mode:       mode,
			Size:       size,
			Uid:        uid,
			Gid:        gid,
			Devmajor:   major,
			Devminor:   minor,
			ModTime:    timeOf(at),
			PAXRecords: map[string]string{xattr + attribute: value},
		}, content: value}
		var sink imagetest.Sink
		made, err := ext4.SendOnce(t.Context(), o, entriesOf([]item{dir("a"), file("b", value), it})(), &sink)
		if err == nil && int64(len(sink.Data)) != made.Size {
			t.Errorf("%d bytes were sent of %d", len(sink.Data), made.Size)
		}
		if err != nil && len(label) <= ext4.MaxLabel && !bytes.ContainsRune([]byte(label), 0) {
			if _, blamed := errors.AsType[imagetest.Attributed](err); !blamed {
				t.Errorf("the error blames nothing: %v", err)
			}
		}
	})
}

// FuzzUpper makes an upper of any size that fits: it begins no group that it cannot describe.
func FuzzUpper(f *testing.F) {
	for _, size := range []int64{0, ext4.MinUpper, 128 * mib, 128*mib + 4096, 131 * mib, 8 * gib, 8*gib + 1} {
		f.Add(size, "seed")
	}
	f.Fuzz(func(t *testing.T, size int64, seed string) {
		size %= 64 * gib
		sink := newSink(t, true)
		sent, err := ext4.Upper{Origin: image.Origin{Name: "web"}, Seed: seed, Size: size}.Send(t.Context(), sink)
		if (err == nil) != (size >= ext4.MinUpper) {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if err == nil && (sent > 200_000 || sink.end > size) {
			t.Errorf("%d bytes: %d are sent, up to %d", size, sent, sink.end)
		}
	})
}
