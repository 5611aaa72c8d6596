package ext4_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	header := func(change func(*tar.Header)) []item { return []item{with(file("a", ""), change)} }
	attribute := func(name, value string) []item {
		return header(func(h *tar.Header) { h.PAXRecords = map[string]string{xattr + name: value} })
	}
	many := make([]item, 65_001)
	many[0] = file("a", "")
	for n := range many[1:] {
		many[n+1] = hardLink(fmt.Sprint("link", n), "a")
	}
	for name, c := range map[string]struct {
		items []item
		says  string
	}{
		"climbs":              {[]item{file("a/../../b", "")}, `"a/../../b" leads out of a directory`},
		"long name":           {[]item{file(strings.Repeat("n", 256), "")}, "has a name of 256 bytes"},
		"long path":           {[]item{file(strings.Repeat("n/", 2049), "")}, "has a path of 4098 bytes"},
		"zero byte":           {[]item{file("a\x00b", "")}, "has a zero byte in its name"},
		"root as a file":      {[]item{file("./", "")}, "stands for the root"},
		"below a file":        {[]item{file("a", ""), file("a/b", "")}, `"a/b" lies below "a", which is not a`},
		"below a link":        {[]item{symlink("a", "/etc"), file("a/b", "")}, "which is not a directory"},
		"twice":               {[]item{file("a", ""), file("./a", "")}, `"./a" comes twice`},
		"file, then dir":      {[]item{file("a", ""), dir("a")}, "comes twice"},
		"dir, then file":      {[]item{dir("a"), file("a", "")}, "comes twice"},
		"link before":         {[]item{hardLink("a", "b"), file("b", "")}, `to "b", which did not come before it`},
		"link to a directory": {[]item{dir("a"), hardLink("b", "a")}, `links to "a", which is a directory`},
		"link to the root":    {[]item{hardLink("b", "/")}, "which is a directory"},
		"link that climbs":    {[]item{hardLink("b", "../a")}, "leads out of a directory"},
		"too many links":      {many, "has 65000 names already"},
		"8 EiB":               {header(func(h *tar.Header) { h.Size = math.MaxInt64 }), "9223372036854775807 bytes"},
		"negative":            {header(func(h *tar.Header) { h.Size = -1 }), "has -1 bytes"},
		"too many bytes":      {header(func(h *tar.Header) { h.Size = 2 << 40 }), "have more than 1099511627776 bytes"},
		"owner":               {header(func(h *tar.Header) { h.Uid = 1<<32 - 1 }), "an owner that Linux does not have"},
		"negative owner":      {header(func(h *tar.Header) { h.Gid = -1 }), "has an owner that Linux does not have"},
		"major":               {header(func(h *tar.Header) { h.Typeflag, h.Devmajor = tar.TypeChar, 4096 }), "4096:0"},
		"minor":               {header(func(h *tar.Header) { h.Typeflag, h.Devminor = tar.TypeChar, 1<<20 }), "0:1048"},
		"kind":                {header(func(h *tar.Header) { h.Typeflag = 'V' }), "of a kind that is not known: 'V'"},
		"empty target":        {[]item{symlink("a", "")}, "whose target is empty"},
		"long target":         {[]item{symlink("a", strings.Repeat("a", 4096))}, "more than 4095 bytes"},
		"large attribute":     {attribute("user.a", strings.Repeat("a", 4096)), "need more than a block"},
		"long attribute":      {attribute("user."+strings.Repeat("a", 256), ""), "more than 255 bytes"},
		"no list":             {attribute("system.posix_acl_access", "abc"), "is not an access control list"},
		"old list":            {attribute("system.posix_acl_access", "\x01\x00\x00\x00"), "version 1, not 2"},
		"proc as a file":      {[]item{file("proc", "")}, `"proc" has to be a directory`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ext4.Plan(t.Context(), options(), entriesOf(c.items)())
			imagetest.WantBlamed(t, err, "path")
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "root.tar ") {
				t.Errorf("the error is %v, which does not say %q", err, c.says)
			}
		})
	}
}

// Attributes of other systems have no place in Linux, and tar leaves them out as well.
func TestAttributesOfOtherSystemsAreLeftOut(t *testing.T) {
	it := with(file("a", ""), func(h *tar.Header) {
		h.PAXRecords = map[string]string{xattr + "com.apple.provenance": "x", "LIBARCHIVE.xattr.user.b": "x", "c": "x"}
	})
	at, _ := mount(t, write(t, options(), entriesOf([]item{it})), "loop,ro")
	if got := xattrsOf(t, at+"/a"); got != "" {
		t.Errorf("it has%s", got)
	}
}

func TestLimits(t *testing.T) {
	o := options()
	o.Directories = nil
	o.MaxEntries, o.MaxBytes = 4, 10
	plan := func(items ...item) error {
		_, err := ext4.Plan(t.Context(), o, entriesOf(items)())
		return err
	}
	if err := plan(file("a/b/c", "0123456789"), hardLink("a/d", "a/b/c")); err != nil {
		t.Errorf("within the limits: %v", err)
	}
	for says, err := range map[string]error{
		"more than 4 files and directories": plan(file("a/b/c/d", "")),
		"more than 10 bytes":                plan(file("a", "01234"), file("b", "012345")),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the error is %v, which does not say %q", err, says)
		}
		imagetest.WantBlamed(t, err, "path")
	}
}

// A path of thousands of names makes no more directories than there may be entries.
func TestDeepPathsAreLimited(t *testing.T) {
	o := options()
	o.MaxEntries = 3000
	items := []item{file(strings.Repeat("a/", 2000)+"f", ""), file(strings.Repeat("b/", 2000)+"f", "")}
	if _, err := ext4.Plan(t.Context(), o, entriesOf(items)()); err == nil || !strings.Contains(err.Error(), "3000") {
		t.Errorf("got %v", err)
	}
}

// What is kept of an entry is bounded, so the limit of entries bounds memory.
func TestEntriesTakeLittleMemory(t *testing.T) {
	const count, each = 100_000, 500
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	n, before, kept := 0, heap(), int64(0)
	value := strings.Repeat("v", 1000)
	entries := func() (*tar.Header, io.Reader, error) {
		if n++; n > count {
			kept = heap() - before
			return nil, nil, io.EOF
		}
		it := with(file(fmt.Sprintf("%s/%d/%d", strings.Repeat("parent/", 100), n/1000, n), ""), func(h *tar.Header) {
			h.PAXRecords = map[string]string{xattr + "user.a": value}
		})
		return &it.Header, nil, nil
	}
	if _, err := ext4.Plan(t.Context(), options(), entries); err != nil {
		t.Fatal(err)
	}
	if t.Logf("%d bytes are kept of an entry", kept/count); kept > count*each {
		t.Errorf("%d bytes are kept of an entry, more than %d", kept/count, each)
	}
}

func TestLabels(t *testing.T) {
	for _, label := range []string{strings.Repeat("a", 17), "a\x00b"} {
		o := options()
		o.Label = label
		if _, err := ext4.Plan(t.Context(), o, entriesOf(nil)()); err == nil {
			t.Errorf("%q is accepted", label)
		}
	}
}

// Content that ends early, a source that fails and other entries at the second reading are told
// apart.
func TestReadingFails(t *testing.T) {
	short := with(file("a", ""), func(h *tar.Header) { h.Size = 10 })
	_, err := ext4.Plan(t.Context(), options(), entriesOf([]item{short})())
	if imagetest.WantBlamed(t, err, "path"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("content that ends early: %v", err)
	}
	broken := errors.New("broken")
	_, err = ext4.SendOnce(t.Context(), options(), func() (*tar.Header, io.Reader, error) { return nil, nil, broken },
		newSink(t, false))
	if imagetest.WantBlamed(t, err, "path"); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
	planned, err := ext4.Plan(t.Context(), options(), entriesOf(everything())())
	if err != nil {
		t.Fatal(err)
	}
	_, err = planned.Send(t.Context(), entriesOf(everything()[1:])(), newSink(t, true))
	if !errors.Is(err, ext4.ErrChanged) {
		t.Errorf("other entries: %v", err)
	}
}

// badSink fails, or leaves bytes, at its second piece.
type badSink struct {
	err  error
	n    int
	take int64
}

func (b *badSink) WriteAt(_ context.Context, r io.Reader, _, _ int64) error {
	if b.n++; b.n < 2 && b.take == 0 {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	if _, err := io.CopyN(io.Discard, r, b.take); err != nil {
		return err
	}
	return b.err
}

func TestSendingFails(t *testing.T) {
	entries := entriesOf(everything())
	full := errors.New("the pool is full")
	if _, err := ext4.SendOnce(t.Context(), options(), entries(), &badSink{err: full}); !errors.Is(err, full) {
		t.Errorf("a sink that fails: %v", err)
	}
	if _, err := ext4.SendOnce(t.Context(), options(), entries(), &badSink{take: 4096}); err == nil {
		t.Error("a sink that leaves bytes is fine")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if _, err := ext4.SendOnce(ctx, options(), entries(), newSink(t, false)); err == nil ||
		!strings.Contains(err.Error(), "enough") {
		t.Errorf("after a cancel: %v", err)
	}
	if _, err := ext4.Plan(ctx, options(), entries()); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("after a cancel: %v", err)
	}
	u := ext4.Upper{Origin: image.Origin{Name: "web-1"}, Size: gib}
	if _, err := u.Send(t.Context(), &badSink{err: full}); !errors.Is(err, full) {
		t.Errorf("an upper in a sink that fails: %v", err)
	}
}
