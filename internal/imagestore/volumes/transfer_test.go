package volumes

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

func TestADigestCoversAVolumesFile(t *testing.T) {
	p, h := inMemory(t)
	content := imagetest.Random(3 << 20)
	create(t, p, raw("v"), content)
	conn := must.Get[host.Transfer](t)(h.OpenTransfer(t.Context()))
	for _, from := range []int64{0, 1 << 20} {
		for form, want := range map[digest.Form]string{
			digest.SHA256: imagetest.SHA256(content[from:]), digest.Current: imagetest.Digest(content[from:]),
		} {
			var noticed int64
			notice := func(n int64) { noticed = n }
			got := must.Get[string](t)(Digest(t.Context(), conn, p.name, "v", from, form, notice))
			if got != want || noticed != int64(len(content))-from {
				t.Errorf("from byte %d: %s, %d bytes; want %s", from, got, noticed, want)
			}
		}
	}
	if _, err := Digest(t.Context(), conn, p.name, "gone", 0, digest.Current, nil); !errors.Is(err, host.ErrNoVolume) {
		t.Errorf("of a volume that is gone: %v", err)
	}
	failing(h, "Download", fakehost.Fault{After: host.ErrUnreachable})
	got, err := Digest(t.Context(), conn, p.name, "v", 0, digest.Current, nil)
	if !errors.Is(err, host.ErrUnreachable) || got != "" {
		t.Errorf("of a volume that was read in part: %q, %v", got, err)
	}
}

// An image arrives in extents, and what was sent stays when a later one fails.
func TestAVolumeIsWrittenInExtents(t *testing.T) {
	p, h := inMemory(t)
	create(t, p, host.VolumeSpec{Name: "v", Format: "raw", Capacity: 12}, nil)
	sink := NewSink(must.Get[host.Transfer](t)(h.OpenTransfer(t.Context())), p.name, "v")
	write := func(text string, offset int64) error {
		return sink.WriteAt(t.Context(), strings.NewReader(text), offset, int64(len(text)))
	}
	if err := write("abcd", 0); err != nil {
		t.Fatal(err)
	}
	failing(h, "Upload", fakehost.Fault{Before: host.ErrUnreachable})
	if err := write("efgh", 8); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("the connection was lost: %v", err)
	}
	h.Inject = nil
	if err := write("efgh", 8); err != nil {
		t.Fatal(err)
	}
	got := must.Get[[]byte](t)(h.ReadVolume(t.Context(), p.name, "v", 12))
	if string(got) != "abcd\x00\x00\x00\x00efgh" {
		t.Errorf("written is %q", got)
	}
}

func TestAReaderIsNotUsedAfterItWasGivenBack(t *testing.T) {
	r := &lentReader{r: strings.NewReader("data")}
	must.Get[int](t)(io.ReadFull(r, make([]byte, 2)))
	r.giveBack()
	if n, err := r.Read(make([]byte, 2)); n != 0 || !errors.Is(err, errGivenBack) {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func TestSmallReadsOfAVolumeFetchMore(t *testing.T) {
	p, h := inMemory(t)
	content := imagetest.Random(3*readMore - 1)
	create(t, p, raw("v"), content)
	conn := must.Get[host.Transfer](t)(h.OpenTransfer(t.Context()))
	r := NewReaderAt(t.Context(), conn, p.name, "v")
	for _, c := range []struct{ offset, length, requests int }{
		{0, 512, 1}, {512, smallRead - 1, 0}, {readMore - 512, 512, 0},
		{readMore - 511, 512, 1}, // which leads out
		{2 * readMore, smallRead, 1}, {2*readMore + 512, 512, 0}, {0, 512, 1},
	} {
		got, calls := make([]byte, c.length), h.Calls()
		must.Get[int](t)(r.ReadAt(got, int64(c.offset)))
		if !bytes.Equal(got, content[c.offset:c.offset+c.length]) || h.Calls()-calls != c.requests {
			t.Errorf("%d bytes at %d: equal %t, with %d requests, want %d", c.length, c.offset,
				bytes.Equal(got, content[c.offset:c.offset+c.length]), h.Calls()-calls, c.requests)
		}
	}
	if n, err := r.ReadAt(make([]byte, 512), int64(len(content))-100); n != 100 || !errors.Is(err, io.EOF) {
		t.Errorf("across the end: %d bytes, %v", n, err)
	}
	failing(h, "Download", fakehost.Fault{Before: host.ErrUnreachable})
	if _, err := r.ReadAt(make([]byte, 512), readMore); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("the connection was lost: %v", err)
	}
}
