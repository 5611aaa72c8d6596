package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

func TestAFileIsSentAndHashed(t *testing.T) {
	data := imagetest.RawDisk(3<<20 + 512)
	for name, checksum := range map[string]string{
		"no checksum": "",
		"sha256":      strings.ToUpper(imagetest.SHA256(data))[7:],
		"sha512":      imagetest.SHA512(data),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "sha256" {
				checksum = "sha256:" + checksum
			}
			im := opened(t, source{path: imagetest.WriteFile(t, data), checksum: checksum})
			var told string
			for range 2 { // a file may be sent again, to another host
				var sink imagetest.Sink
				got, err := im.Send(t.Context(), &sink, OnDigest(func(digest string) error {
					told = digest
					return nil
				}))
				if err != nil {
					t.Fatal(err)
				}
				size := int64(len(data))
				want := Result{Digest: imagetest.Digest(data), Transferred: size, Size: size}
				if got != want || told != want.Digest {
					t.Errorf("Send = %+v, told %s, want %+v", got, told, want)
				}
				if !bytes.Equal(sink.Data, data) {
					t.Error("the sink holds other bytes than the file")
				}
			}
			if got, err := im.Digest(t.Context(), digest.Current); err != nil || got != imagetest.Digest(data) {
				t.Errorf("Digest = %s, %v", got, err)
			}
		})
	}
}

// Images of earlier providers are known by their SHA-256, and are found by it.
func TestTheSHA256IsComputedIfItIsAskedFor(t *testing.T) {
	data := imagetest.Holed()
	path, packed := imagetest.WriteFile(t, data), imagetest.Packed(t, "gzip", data)
	for name, s := range map[string]func() source{
		"file":            func() source { return source{path: path} },
		"file, checksum":  func() source { return source{path: path, checksum: imagetest.SHA512(data)} },
		"compressed file": func() source { return source{path: imagetest.WriteFile(t, packed)} },
		"stream":          func() source { return source{once: bytes.NewReader(data), length: -1} },
		"compressed stream": func() source {
			return source{once: bytes.NewReader(packed), length: -1, checksum: imagetest.SHA256(packed)}
		},
	} {
		var told []string
		tell := func(text string) error {
			told = append(told, text)
			return nil
		}
		got, err := opened(t, s()).Send(t.Context(), Discard, OnDigest(tell), OnSHA256(tell))
		if want := []string{imagetest.SHA256(data), imagetest.Digest(data)}; err != nil || !slices.Equal(told, want) ||
			got.Digest != want[1] {
			t.Errorf("%s: told %q, got %s, %v; want %q", name, told, got.Digest, err, want)
		}
		got, err = opened(t, s()).Send(t.Context(), Discard, As(digest.SHA256))
		if err != nil || got.Digest != imagetest.SHA256(data) {
			t.Errorf("%s: in the older form, got %s, %v", name, got.Digest, err)
		}
		known := errors.New("an earlier provider stored this image")
		_, err = opened(t, s()).Send(t.Context(), Discard, OnSHA256(func(string) error { return known }),
			OnDigest(func(string) error { t.Errorf("%s: the digest was told as well", name); return nil }))
		if !errors.Is(err, known) {
			t.Errorf("%s: Send returns %v", name, err)
		}
	}
	im := opened(t, source{path: path})
	for form, want := range map[digest.Form]string{
		digest.SHA256: imagetest.SHA256(data), digest.FSVerity: imagetest.Digest(data),
	} {
		if got, err := im.Digest(t.Context(), form); err != nil || got != want {
			t.Errorf("its %s is %s, %v, want %s", form, got, err, want)
		}
	}
}

func TestAWrongChecksumIsToldAndStopsTheSending(t *testing.T) {
	data := imagetest.RawDisk(1 << 20)
	for _, wrong := range []string{imagetest.SHA256(nil), imagetest.SHA512(nil)} {
		im := opened(t, source{path: imagetest.WriteFile(t, data), checksum: wrong})
		_, err := im.Send(t.Context(), sinkFunc(untilCancelled), OnDigest(func(digest string) error {
			t.Errorf("digest %s was told", digest)
			return nil
		}))
		mismatch := imagetest.WantError[*image.ChecksumError](t, err)
		imagetest.WantBlamed(t, err, "checksum")
		algorithm, _, _ := strings.Cut(wrong, ":")
		if mismatch.Want != wrong || !strings.HasPrefix(mismatch.Got, algorithm+":") || mismatch.Got == wrong {
			t.Errorf("error is %+v", mismatch)
		}
		if _, err := im.Digest(t.Context(), digest.Current); err == nil {
			t.Error("Digest forgets the checksum")
		}
	}
}

// untilCancelled is the slowest possible sink: it only ends with its context.
func untilCancelled(ctx context.Context, _ io.Reader, _, _ int64) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTheCallerStopsWhatIsKnownElsewhere(t *testing.T) {
	known := errors.New("another apply stores this digest")
	im := opened(t, source{path: imagetest.WriteFile(t, imagetest.RawDisk(1<<20))})
	stop := OnDigest(func(string) error { return known })
	if _, err := im.Send(t.Context(), sinkFunc(untilCancelled), stop); !errors.Is(err, known) {
		t.Errorf("Send returns %v", err)
	}
}

func TestAFileThatChangesIsNoticed(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, path string){
		"written to": func(t *testing.T, path string) {
			if err := os.WriteFile(path, imagetest.RawDisk(1<<20), 0o600); err != nil {
				t.Error(err)
			}
		},
		"grown": func(t *testing.T, path string) {
			if err := os.Truncate(path, 2<<20); err != nil {
				t.Error(err)
			}
		},
		"cut": func(t *testing.T, path string) {
			if err := os.Truncate(path, 512); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := imagetest.WriteFile(t, imagetest.RawDisk(1<<20))
			long := time.Now().Add(-time.Hour)
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
			im := opened(t, source{path: path})
			var sink imagetest.Sink
			_, err := im.Send(t.Context(), sinkFunc(func(ctx context.Context, r io.Reader, offset, length int64) error {
				change(t, path)
				return sink.WriteAt(ctx, r, offset, length)
			}))
			imagetest.WantError[*image.SourceError](t, err)
			if !errors.Is(err, image.ErrChanged) {
				t.Errorf("Send returns %v", err)
			}
			if _, err := im.Digest(t.Context(), digest.Current); !errors.Is(err, image.ErrChanged) {
				t.Errorf("Digest returns %v", err)
			}
		})
	}
}

// A change of a file's mode or links cannot be distinguished from a hidden write. So it is refused,
// with a message for both.
func TestAFileOfAnotherModeMayHaveChanged(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"another mode": func(path string) error { return os.Chmod(path, 0o640) },
		"a link":       func(path string) error { return os.Link(path, path+".link") },
	} {
		path := imagetest.WriteFile(t, imagetest.RawDisk(1<<20))
		im := opened(t, source{path: path})
		if seen, err := localfile.StampOf(path); err != nil || seen.Changed.IsZero() {
			t.Logf("the system does not tell: %v", err)
			return
		}
		_, err := im.Send(t.Context(), sinkFunc(func(_ context.Context, r io.Reader, _, _ int64) error {
			imagetest.Tick(t, path)
			_, err := io.Copy(io.Discard, r)
			return errors.Join(err, change(path))
		}))
		if !errors.Is(err, image.ErrChanged) || !strings.Contains(err.Error(), "mode, owner or links") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileThatChangesBehindTheHashIsNoticed(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.RawDisk(1<<20))
	im := opened(t, source{path: path})
	hashed := make(chan struct{})
	var sink imagetest.Sink
	_, err := im.Send(t.Context(), sinkFunc(func(ctx context.Context, r io.Reader, offset, length int64) error {
		<-hashed
		if err := os.Truncate(path, 2<<20); err != nil {
			return err
		}
		return sink.WriteAt(ctx, r, offset, length)
	}), OnDigest(func(string) error { close(hashed); return nil }))
	if !errors.Is(err, image.ErrChanged) {
		t.Errorf("Send returns %v", err)
	}
}

func TestASinkThatFailsOrForgetsIsNoticed(t *testing.T) {
	im := opened(t, source{path: imagetest.WriteFile(t, imagetest.RawDisk(1<<20))})
	full := errors.New("no space left in pool")
	fails := sinkFunc(func(context.Context, io.Reader, int64, int64) error { return full })
	if _, err := im.Send(t.Context(), fails); !errors.Is(err, full) {
		t.Errorf("Send loses the sink's error: %v", err)
	}
	_, err := im.Send(t.Context(), sinkFunc(func(_ context.Context, r io.Reader, _, length int64) error {
		_, err := io.CopyN(io.Discard, r, length-1)
		return err
	}))
	if err == nil {
		t.Error("a sink that leaves a byte behind passes")
	}
}

func TestSendAndDigestEndWithTheirContext(t *testing.T) {
	im := opened(t, source{path: imagetest.WriteFile(t, imagetest.RawDisk(1<<20))})
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := im.Send(ctx, sinkFunc(func(_ context.Context, r io.Reader, _, _ int64) error {
		cancel(why)
		_, err := io.Copy(io.Discard, r)
		return err
	}))
	if !errors.Is(err, why) {
		t.Errorf("Send returns %v", err)
	}
	file := source{path: imagetest.WriteFile(t, imagetest.RawDisk(1<<20))}
	if _, err := opened(t, file).Digest(ctx, digest.Current); !errors.Is(err, why) {
		t.Errorf("Digest returns %v", err)
	}
}

func TestAClosedImageIsNotSent(t *testing.T) {
	im := opened(t, source{path: imagetest.WriteFile(t, imagetest.RawDisk(512))})
	for range 2 {
		if err := im.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	_, err := im.Send(t.Context(), &imagetest.Sink{})
	imagetest.WantError[*image.SourceError](t, err)
	_, err = im.Digest(t.Context(), digest.Current)
	imagetest.WantError[*image.SourceError](t, err)
}

func TestProgressIsToldEveryFewSeconds(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.RawDisk(64<<10))
	synctest.Test(t, func(t *testing.T) { // time is simulated
		im, err := open(t.Context(), source{path: path})
		if err != nil {
			t.Fatal(err)
		}
		var told []int64
		start := time.Now()
		_, err = im.Send(t.Context(), sinkFunc(func(_ context.Context, r io.Reader, _, _ int64) error {
			for buf := make([]byte, 1<<10); ; time.Sleep(time.Second) {
				if _, err := r.Read(buf); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
			}
		}), OnProgress(func(sent, total int64) {
			if total != 64<<10 {
				t.Errorf("total is %d", total)
			}
			told = append(told, sent)
		}))
		if err != nil {
			t.Fatal(err)
		}
		most := int(time.Since(start)/progressInterval) + 1
		if len(told) < most/2 || len(told) > most || told[len(told)-1] != 64<<10 {
			t.Errorf("told %d times in %s: %v", len(told), time.Since(start), told)
		}
		if err := im.Close(); err != nil {
			t.Error(err)
		}
	})
}
