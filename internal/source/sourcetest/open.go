package sourcetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// Run runs the suite for a kind whose sources open their images. open creates a site for each of
// its tests.
func Run(t *testing.T, open func(t *testing.T) Site) {
	run(t, open, map[string]func(*testing.T, Site){
		"Described":       described,
		"Images":          images,
		"Checksums":       checksums,
		"NoImages":        noImages,
		"Again":           again,
		"AtOnce":          atOnce,
		"Cancelled":       cancelled,
		"CancelledMidway": cancelledMidway,
		"Gone":            func(t *testing.T, s Site) { unopened(t, s, Gone) },
		"Denied":          func(t *testing.T, s Site) { unopened(t, s, Denied) },
		"Changed":         func(t *testing.T, s Site) { interrupted(t, s, Changed) },
		"CutOff":          func(t *testing.T, s Site) { interrupted(t, s, CutOff) },
		"Probed":          probed,
		"Watched":         watched,
	})
}

// read opens a source and sends its image.
func read(
	ctx context.Context, s source.Source, sink transfer.Sink, options ...transfer.Option,
) (transfer.Result, error) {
	im, err := s.Open(ctx)
	if err != nil {
		return transfer.Result{}, err
	}
	result, err := im.Send(ctx, sink, options...)
	return result, errors.Join(err, im.Close())
}

// wantImage checks that a source yields an image.
func wantImage(t *testing.T, s source.Source, want []byte) {
	t.Helper()
	var sink imagetest.Sink
	result, err := read(t.Context(), s, &sink)
	if err != nil {
		t.Fatal(err)
	}
	if digest := imagetest.Digest(want); result.Digest != digest || !bytes.Equal(sink.Data, want) {
		t.Errorf("it gives %d bytes of digest %s, want %d of %s", len(sink.Data), result.Digest, len(want), digest)
	}
}

// long is longer than what an image is recognized by, and does not fit between a sender and its
// sink. No test writes to it.
var long = sync.OnceValue(func() []byte { return imagetest.RawDisk(6 << 20) })

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var file bytes.Buffer
	z, err := gzip.NewWriterLevel(&file, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = z.Write(data)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func images(t *testing.T, s Site) {
	holed := imagetest.Holed()
	for name, c := range map[string]struct {
		content, disk []byte
		format        image.Format
		compression   string
		virtual       int64 // before it was sent; 0 if unknown
	}{
		"raw":   {long(), long(), image.FormatRaw, "", int64(len(long()))},
		"holed": {holed, holed, image.FormatRaw, "", int64(len(holed))},
		"qcow2": {imagetest.Qcow2(nil), imagetest.Qcow2(nil), image.FormatQcow2, "", 1 << 30},
		"gzip":  {zipped(t, long()), long(), image.FormatRaw, "gzip", 0},
	} {
		s.Put(t, c.content)
		im, err := s.source("").Open(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if im.Format != c.format || im.Compression != c.compression || im.VirtualSize != c.virtual {
			t.Errorf("%s: it is opened as %s %s with a disk of %d bytes",
				name, im.Compression, im.Format, im.VirtualSize)
		}
		if err := errors.Join(im.Close(), im.Close()); err != nil {
			t.Errorf("%s: closing it: %v", name, err)
		}
		wantImage(t, s.source(""), c.disk)
		wantImage(t, s.source(imagetest.SHA512(c.content)), c.disk)
	}
}

func checksums(t *testing.T, s Site) {
	content := long()
	s.Put(t, content)
	good := s.source(imagetest.SHA256(content))
	wantImage(t, good, content)
	for _, wrong := range []string{imagetest.SHA256(nil), imagetest.SHA512(nil)} {
		_, err := read(t.Context(), s.source(wrong), &imagetest.Sink{}, transfer.OnDigest(func(string) error {
			t.Error("the digest of what is not wanted was told")
			return nil
		}))
		imagetest.WantError[*image.ChecksumError](t, err)
		s.wantError(t, err, "checksum")
	}
	invalid := s.source("sha256:short")
	_, opened := invalid.Open(t.Context())
	for _, err := range []error{invalid.Validate(), opened} {
		imagetest.WantError[*image.SourceError](t, err)
		s.wantError(t, err, "checksum")
	}
}

func noImages(t *testing.T, s Site) {
	for name, content := range map[string][]byte{
		"a page":  []byte("<html>sign in</html>"),
		"nothing": {},
		"odd":     imagetest.RawDisk(5000),
		"half":    imagetest.Qcow2(nil)[:1<<17],
	} {
		s.Put(t, content)
		_, err := s.source("").Open(t.Context())
		if err == nil {
			t.Fatalf("%s: it is opened", name)
		}
		imagetest.WantError[*image.NotAnImageError](t, err)
		s.wantError(t, err, s.Kind.Attribute)
	}
	s.Put(t, append([]byte("KDMV"), make([]byte, 4096)...))
	_, err := s.source("").Open(t.Context())
	imagetest.WantError[*image.UnsupportedImageError](t, err)
	s.wantError(t, err, s.Kind.Attribute)
}

// again reads once more: an image that is Plain any number of times, others by opening them again.
func again(t *testing.T, s Site) {
	content := long()
	s.Put(t, content)
	one := s.source("")
	for range 2 {
		wantImage(t, one, content)
	}
	im, err := one.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	first, err := im.Send(t.Context(), &imagetest.Sink{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := im.Send(t.Context(), &imagetest.Sink{})
	hashed, unhashed := im.Digest(t.Context(), digest.Current)
	if im.Plain() && (err != nil || second.Digest != first.Digest || unhashed != nil || hashed != first.Digest) {
		t.Errorf("it is plain, and the second time it gives %s, %v, and the digest %s, %v",
			second.Digest, err, hashed, unhashed)
	}
	if !im.Plain() {
		s.wantError(t, err, s.Kind.Attribute)
	}
}

func atOnce(t *testing.T, s Site) {
	content := long()
	s.Put(t, content)
	one := s.source(imagetest.SHA256(content))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			var sink imagetest.Sink
			if _, err := read(t.Context(), one, &sink); err != nil || !bytes.Equal(sink.Data, content) {
				t.Errorf("one of several got %d bytes, %v", len(sink.Data), err)
			}
		})
	}
	all.Wait()
}

func cancelled(t *testing.T, s Site) {
	s.Put(t, long())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := read(ctx, s.source(""), &imagetest.Sink{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// sinkFunc is a sink with another behavior.
type sinkFunc func(ctx context.Context, r io.Reader, offset, length int64) error

// WriteAt implements transfer.Sink.
func (f sinkFunc) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	return f(ctx, r, offset, length)
}

// onceBegun is a sink that does something once it has the first bytes.
func onceBegun(do func()) transfer.Sink {
	var once sync.Once
	return sinkFunc(func(_ context.Context, r io.Reader, _, _ int64) error {
		if _, err := io.ReadFull(r, make([]byte, 4096)); err != nil {
			return err
		}
		once.Do(do)
		_, err := io.Copy(io.Discard, r)
		return err
	})
}

func cancelledMidway(t *testing.T, s Site) {
	s.Put(t, long())
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	told := false
	sink := onceBegun(func() { cancel(why) })
	_, err := read(ctx, s.source(""), sink, transfer.OnDigest(func(string) error { told = true; return nil }))
	if !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
	if im, err := s.source("").Open(t.Context()); err != nil {
		t.Errorf("it cannot be opened again: %v", err)
	} else if err := im.Close(); err != nil {
		t.Error(err)
	}
	if told && !isPlain(t, s) { // the digest of a file may be known long before it is sent
		t.Error("the digest of what was not read was told")
	}
}

func isPlain(t *testing.T, s Site) bool {
	t.Helper()
	im, err := s.source("").Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	return im.Plain()
}

// unopened is a source that cannot be opened, or that yields no image when it is.
func unopened(t *testing.T, s Site, name string) {
	f, can := s.fault(t, name)
	if !can {
		return
	}
	s.Put(t, long())
	f.Happen(t)
	one := s.source("")
	_, err := one.Open(t.Context())
	s.wantFault(t, f, err)
	if _, is := one.(source.Probed); is {
		_, err := source.Examine(t.Context(), one)
		s.wantFault(t, f, err)
	}
}

// interrupted is a source whose image is disturbed while it is read. It yields no image, regardless
// of what was read before.
func interrupted(t *testing.T, s Site, name string) {
	f, can := s.fault(t, name)
	if !can {
		return
	}
	s.Put(t, long())
	if f.Prepare != nil {
		f.Prepare(t)
	}
	_, err := read(t.Context(), s.source(""), onceBegun(func() { f.Happen(t) }))
	s.wantFault(t, f, err)
}
