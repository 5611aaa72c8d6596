package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

var origin = image.Origin{Name: "shop.tar", Attribute: "path"}

// entries reads all entries of a layer.
func entries(ctx context.Context, l archive.Layer, devices archive.Devices) (list []*archive.Entry, err error) {
	r, err := l.Read(ctx, archive.Options{Origin: origin, Devices: devices}, archive.Limits{}.New())
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := r.Close(); err == nil {
			err = closed
		}
	}()
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, e)
	}
}

// wantRefused checks that an error refuses something in a layer.
func wantRefused(t *testing.T, err error, says string) (entry string) {
	t.Helper()
	refused := imagetest.WantError[*archive.RefusedError](t, err)
	if refused.Layer != "layer 2 of 3" || !strings.Contains(refused.Reason, says) {
		t.Errorf("it says %v, want %q", err, says)
	}
	imagetest.WantBlamed(t, err, "path")
	return refused.Entry
}

// raw is an entry whose header Go's writer would refuse: change works on the 512 bytes of a V7 header,
// and the checksum is set afterwards.
func raw(change func(header []byte)) []byte {
	h := make([]byte, 512)
	copy(h, "file")
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	h[156] = '0'
	copy(h[257:], "ustar\x0000")
	change(h)
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return slices.Concat(h, make([]byte, 1024))
}

func pax(e Entry, name, value string) Entry {
	return e.With(func(h *tar.Header) { h.PAXRecords = map[string]string{name: value} })
}

func TestHostileEntriesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		entry Entry
		says  string
	}{
		"climbs":                       {File("../etc/passwd", ""), "leads out"},
		"climbs on the way":            {File("a/../../b", ""), "leads out"},
		"climbs and comes back":        {File("a/../b", ""), "leads out"},
		"climbs from an absolute path": {File("/../b", ""), "leads out"},
		"ends in ..":                   {Dir("a/.."), "leads out"},
		"two slashes":                  {File("//etc/passwd", ""), "absolute in an unusual way"},
		"slash and dot":                {File("/./etc/passwd", ""), "absolute in an unusual way"},
		"newline":                      {File("a\nb", ""), "control characters"},
		"escape":                       {File("a\x1b[2J", ""), "control characters"},
		"long name":                    {File("d/"+strings.Repeat("n", 256), ""), "256 bytes"},
		"long path":                    {File(strings.Repeat("dir/", 1024)+"f", ""), "4095 bytes"},
		"root as a file":               {File("./.", ""), "it is the root"},
		"root as a symlink":            {Symlink(".", "/etc"), "it is the root"},
		"block device":                 {Device(tar.TypeBlock, "sda", 8, 0), "block device"},
		"no such device":               {Device(tar.TypeChar, "x", 4096, 0), "4096:0"},
		"hard link that climbs":        {Link("a", "../../etc/shadow"), "no file of the image"},
		"hard link to the root":        {Link("a", "/"), "no file of the image"},
		"hard link to nothing":         {Link("a", "./"), "no file of the image"},
		"whiteout of ..":               {File("a/.wh...", ""), "not a file's name"},
		"whiteout of .":                {File("a/.wh..", ""), "not a file's name"},
		"whiteout without a name":      {File(".wh.", ""), "not a file's name"},
		"file in a whiteout":           {File(".wh.a/b", ""), "mark of a removed file"},
		"target with an escape":        {Symlink("a", "x\x1b[2J"), "control characters"},
		"long target":                  {Symlink("a", strings.Repeat("t", 4096)), "4096 bytes"},
		"contiguous file": {
			File("a", "").With(func(h *tar.Header) { h.Typeflag = tar.TypeCont }),
			"type \"7\"",
		},
		"unknown type":        {File("a", "").With(func(h *tar.Header) { h.Typeflag = 'Z' }), "type \"Z\""},
		"user beyond numbers": {File("a", "").With(func(h *tar.Header) { h.Uid = 1<<32 - 1 }), "4294967295"},
		"sparse file": {
			pax(File("a", strings.Repeat("\x00", 1024)), "GNU.sparse.name", "a"),
			"sparse",
		},
		"redirected overlay":           {pax(Dir("a"), "SCHILY.xattr.trusted.overlay.redirect", "/etc"), "elsewhere"},
		"redirected overlay of a user": {pax(File("a", ""), "SCHILY.xattr.user.overlay.metacopy", ""), "elsewhere"},
		"great attributes": {
			pax(File("a", ""), "SCHILY.xattr.user.a", strings.Repeat("v", 65<<10)),
			"64 KiB",
		},
		"attribute with a long name": {
			pax(File("a", ""), "SCHILY.xattr.user."+strings.Repeat("n", 255), "v"),
			"attribute with the name",
		},
		"attribute with an odd name": {pax(File("a", ""), "SCHILY.xattr.user.\x1b", "v"), "attribute with the name"},
	} {
		t.Run(name, func(t *testing.T) {
			hidden := c.entry.Typeflag == tar.TypeReg && strings.HasPrefix(c.says, "sparse")
			content := Tar(t, File("before", "x"), c.entry)
			if hidden {
				content = Tar(
					t,
					File("before", "x"),
					pax(File("a", strings.Repeat("\x00", 1024)), "XXX.sparse.name", "a"),
				)
				content = bytes.Replace(content, []byte("XXX.sparse"), []byte("GNU.sparse"), 1)
			}
			l := Layer("layer 2 of 3", content)
			list, err := entries(t.Context(), l, archive.CharacterDevices)
			blamed := wantRefused(t, err, c.says)
			if len(list) != 1 || strings.TrimSuffix(blamed, "/") != strings.TrimSuffix(c.entry.Name, "/") {
				t.Errorf("it blames entry %q after %d entries", blamed, len(list))
			}
			if text := err.Error(); strings.ContainsAny(text, "\x00\x1b\n") || len(text) > 1000 {
				t.Errorf("the error is not safe to show: %q", text)
			}
		})
	}
}

func TestHostileArchivesAreRefused(t *testing.T) {
	whole := Tar(t, File("a", strings.Repeat("content ", 1000)))
	tooBig := raw(func(h []byte) { copy(h[124:], "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff") })
	longRecords := raw(func(h []byte) {
		h[156] = 'x'
		copy(h[124:], "00010000000\x00")
	})
	oldSparse := raw(func(h []byte) {
		h[156] = 'S'
		copy(h[257:], "ustar  \x00")
		copy(h[386:], strings.Repeat("00000000000\x00", 8))
		copy(h[483:], "00000000000\x00")
	})
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"cut within a file":   {whole[:4096], "cut off"},
		"cut within a header": {whole[:300], "cut off"},
		"no archive":          {bytes.Repeat([]byte("noise"), 1000), "not a tar archive"},
		"damaged": {
			append(bytes.Clone(whole[:len(whole)-1024]), bytes.Repeat([]byte("x"), 512)...),
			"damaged after 1 entries",
		},
		"8 EiB":                     {tooBig, "decompressed"},
		"old sparse file":           {oldSparse, "sparse"},
		"attributes without an end": {slices.Concat(longRecords[:512], bytes.Repeat([]byte("x"), 4<<20)), "damaged"},
		"compressed twice":          {imagetest.Packed(t, "gzip", imagetest.Packed(t, "zstd", whole)), "twice"},
		"compressed and damaged":    {imagetest.Packed(t, "gzip", whole)[:60], "cut off"},
		"followed by something":     {append(imagetest.Packed(t, "gzip", whole), "something"...), "trailing data"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := entries(t.Context(), Layer("layer 2 of 3", c.content), archive.AllDevices)
			wantRefused(t, err, c.says)
		})
	}
}

// A few megabytes that become gigabytes are given up while little of that is in memory.
func TestCompressionBombsAreRefused(t *testing.T) {
	for _, tool := range []string{"gzip", "zstd"} {
		t.Run(tool, func(t *testing.T) {
			part := imagetest.Packed(t, tool, make([]byte, 64<<20))
			head := imagetest.Packed(t, tool, raw(func(h []byte) { copy(h[124:], "77777777777\x00") })[:512])
			read := 0
			l := Layer("layer 2 of 3", nil)
			l.Open = func(context.Context) (io.ReadCloser, error) {
				again := make([]io.Reader, 0, 512)
				for range 512 {
					again = append(again, counting{bytes.NewReader(part), &read})
				}
				return io.NopCloser(io.MultiReader(append([]io.Reader{bytes.NewReader(head)}, again...)...)), nil
			}
			_, err := entries(t.Context(), l, archive.CharacterDevices)
			wantRefused(t, err, "compressed bytes become more than 1024 MiB")
			if most := len(part) * 20; read > most {
				t.Errorf("%d bytes were read, want at most %d", read, most)
			}
		})
	}
}

type counting struct {
	io.Reader
	n *int
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += n
	return n, err
}

func TestDevices(t *testing.T) {
	content := Tar(
		t,
		Device(tar.TypeChar, "null", 1, 3),
		Device(tar.TypeBlock, "sda", 8, 0),
		Device(tar.TypeChar, "w", 0, 0),
	)
	for devices, want := range map[archive.Devices]string{
		archive.NoDevices:  "w null, w sda, w w, ",
		archive.AllDevices: "c null, b sda, w w, ",
	} {
		list, err := entries(t.Context(), Layer("layer 2 of 3", content), devices)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range list {
			got += map[archive.Kind]string{
				archive.Whiteout:  "w ",
				archive.Character: "c ",
				archive.Block:     "b ",
			}[e.Kind] + e.Path + ", "
		}
		if got != want {
			t.Errorf("policy %d: got %q, want %q", devices, got, want)
		}
	}
}

// What some tools write, and is of no use, is left out.
func TestOtherRecordsAreLeftOut(t *testing.T) {
	content := Tar(t,
		Entry{
			Header: tar.Header{
				Typeflag:   tar.TypeXGlobalHeader,
				Name:       "pax_global_header",
				PAXRecords: map[string]string{"comment": "1"},
			},
		},
		pax(File("a", "x"), "SCHILY.xattr.trusted.overlay.origin", "y").With(func(h *tar.Header) {
			h.ModTime = Time.AddDate(1000, 0, 0)
			h.AccessTime, h.ChangeTime = Time, Time
			h.PAXRecords["LIBARCHIVE.creationtime"] = "1"
		}))
	list, err := entries(t.Context(), Layer("layer 2 of 3", content), archive.CharacterDevices)
	if err != nil || len(list) != 1 {
		t.Fatalf("got %d entries, %v", len(list), err)
	}
	if e := list[0]; e.Number != 1 || len(e.Xattrs) != 0 || e.ModTime.Unix() != 0 || len(e.Header().PAXRecords) != 0 {
		t.Errorf("got %+v", e)
	}
}

func TestContentIsVerified(t *testing.T) {
	plain := Tar(t, File("a", strings.Repeat("content ", 1000)))
	packed := imagetest.Packed(t, "gzip", plain)
	good := archive.Layer{Digest: imagetest.SHA256(packed), Size: int64(len(packed)), DiffID: imagetest.SHA256(plain)}
	for name, c := range map[string]struct {
		change func(l *archive.Layer)
		says   string
	}{
		"as it should be": {func(*archive.Layer) {}, ""},
		"sha512": {
			func(l *archive.Layer) { l.Digest, l.DiffID = imagetest.SHA512(packed), imagetest.SHA512(plain) },
			"",
		},
		"other digest": {
			func(l *archive.Layer) { l.Digest = imagetest.SHA256(plain) },
			"its manifest says sha256:",
		},
		"other digest of the content": {
			func(l *archive.Layer) { l.DiffID = imagetest.SHA256(packed) },
			"its configuration says sha256:",
		},
		"shorter than announced":   {func(l *archive.Layer) { l.Size++ }, "its manifest says"},
		"longer than announced":    {func(l *archive.Layer) { l.Size-- }, "more than the"},
		"digest of another form":   {func(l *archive.Layer) { l.Digest = "md5:0123" }, "not usable"},
		"no digest of the content": {func(l *archive.Layer) { l.DiffID = "sha256:x" }, "not usable"},
		"other sum": {func(l *archive.Layer) {
			l.DiffID, l.Sum = "", func(string) error { return archive.Refuse(origin, "layer 2 of 3", "", "other sum") }
		}, "other sum"},
	} {
		t.Run(name, func(t *testing.T) {
			l := good
			l.Name, l.Open = "layer 2 of 3", Layer("", packed).Open
			c.change(&l)
			list, err := entries(t.Context(), l, archive.CharacterDevices)
			if c.says != "" {
				wantRefused(t, err, c.says)
			} else if err != nil || len(list) != 1 {
				t.Errorf("got %d entries, %v", len(list), err)
			}
		})
	}
}
