package transfer

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// place creates the file that an image is copied into: empty, and as long as the image.
func place(t *testing.T, dir string, size int64) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "copy"))
	if err == nil {
		err = file.Truncate(size)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := file.Stat(); err == nil {
			t.Error("the file is still open")
		}
		_ = os.Remove(file.Name())
	})
	return file
}

func TestAFileIsCopiedIntoPlace(t *testing.T) {
	data := imagetest.RawDisk(9<<20 + 512) // more than is copied at a time
	im := opened(t, source{path: imagetest.WriteFile(t, data)})
	var sink imagetest.Sink
	var told [2]int64
	to := place(t, t.TempDir(), im.Size)
	got, err := im.Send(t.Context(), &sink, Into(to), OnProgress(func(done, total int64) {
		told = [2]int64{done, total}
	}))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(data))
	if got.Digest != imagetest.Digest(data) || got.Size != size || got.Transferred+got.Shared != size ||
		!got.Copied || len(sink.Calls) > 0 {
		t.Errorf("Send = %+v, and %d extents for the sink", got, len(sink.Calls))
	}
	if told != [2]int64{size, size} {
		t.Errorf("told at the end: %d of %d bytes", told[0], told[1])
	}
	if copied, err := os.ReadFile(to.Name()); err != nil || !bytes.Equal(copied, data) {
		t.Errorf("the copy differs (%v)", err)
	}
}

func TestWhatCannotBeCopiedIsSent(t *testing.T) {
	data := imagetest.RawDisk(1 << 20)
	im := opened(t, source{path: imagetest.WriteFile(t, data)})
	closed := place(t, t.TempDir(), im.Size)
	readOnly, err := os.Open(closed.Name())
	if err == nil {
		err = closed.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	var sink imagetest.Sink
	got, err := im.Send(t.Context(), &sink, Into(readOnly))
	want := Result{Digest: imagetest.Digest(data), Transferred: 1 << 20, Size: 1 << 20}
	if err != nil || got != want || !bytes.Equal(sink.Data, data) {
		t.Errorf("Send = %+v, %v; want %+v", got, err, want)
	}
	if _, err := readOnly.Stat(); err == nil {
		t.Error("the file is still open")
	}
}

func TestACopyOfAFileThatChangesIsNone(t *testing.T) {
	for name, size := range map[string]int64{"grown": 2 << 20, "cut": 512} {
		for when, before := range map[string]bool{"before": true, "after it was hashed": false} {
			t.Run(name+" "+when, func(t *testing.T) {
				path := imagetest.WriteFile(t, imagetest.RawDisk(1<<20))
				im := opened(t, source{path: path})
				change := func() error { return os.Truncate(path, size) }
				if before {
					if err := change(); err != nil {
						t.Fatal(err)
					}
				}
				into := Into(place(t, t.TempDir(), im.Size))
				_, err := im.Send(t.Context(), &imagetest.Sink{}, into, OnDigest(func(string) error {
					return change()
				}))
				imagetest.WantError[*image.SourceError](t, err)
				if !errors.Is(err, image.ErrChanged) {
					t.Errorf("Send returns %v", err)
				}
			})
		}
	}
}

func TestACopyEndsWithItsContextAndWithWhatIsKnownElsewhere(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.RawDisk(1<<20))
	why := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	im := opened(t, source{path: path})
	if _, err := im.Send(ctx, &imagetest.Sink{}, Into(place(t, t.TempDir(), im.Size))); !errors.Is(err, why) {
		t.Errorf("Send returns %v", err)
	}
	known := errors.New("another apply stores this digest")
	into, stop := Into(place(t, t.TempDir(), im.Size)), OnDigest(func(string) error { return known })
	if _, err := im.Send(t.Context(), &imagetest.Sink{}, into, stop); !errors.Is(err, known) {
		t.Errorf("Send returns %v", err)
	}
	wrong := opened(t, source{path: path, checksum: imagetest.SHA256(nil)})
	_, err := wrong.Send(t.Context(), &imagetest.Sink{}, Into(place(t, t.TempDir(), im.Size)))
	imagetest.WantError[*image.ChecksumError](t, err)
}
