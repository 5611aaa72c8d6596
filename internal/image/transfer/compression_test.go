package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

func TestWhatIsCompressedIsSentDecompressed(t *testing.T) {
	images := map[string]struct {
		data   []byte
		format image.Format
		disk   int64 // as it is known beforehand
	}{"raw": {imagetest.Holed(), image.FormatRaw, 0}, "qcow2": {imagetest.Qcow2(nil), image.FormatQcow2, 1 << 30}}
	for _, tool := range imagetest.Tools {
		for name, c := range images {
			t.Run(tool+" "+name, func(t *testing.T) {
				file := imagetest.Packed(t, tool, c.data)
				checked := source{path: imagetest.WriteFile(t, file), checksum: imagetest.SHA512(file)}
				online := source{checksum: imagetest.SHA256(file), once: bytes.NewReader(file), length: -1}
				for _, s := range []source{checked, online} {
					im := opened(t, s)
					if im.Compression != tool || im.Format != c.format || im.Size != -1 || im.VirtualSize != c.disk {
						t.Errorf("before: %s, %s of %d bytes, a disk of %d",
							im.Compression, im.Format, im.Size, im.VirtualSize)
					}
					var sink imagetest.Sink
					got, err := im.Send(t.Context(), &sink)
					if err != nil {
						t.Fatal(err)
					}
					if got.Digest != imagetest.Digest(c.data) || got.Size != int64(len(c.data)) ||
						!bytes.Equal(sink.Data, c.data) {
						t.Errorf("Send = %+v, want what was compressed: %s", got, imagetest.Digest(c.data))
					}
					if c.format == image.FormatRaw &&
						(im.VirtualSize != got.Size || got.Transferred >= got.Size-4<<20 || len(sink.Calls) != 3) {
						t.Errorf("disk of %d bytes, %d sent in %v", im.VirtualSize, got.Transferred, sink.Calls)
					}
				}
				im := opened(t, checked)
				if got, err := im.Digest(t.Context(), digest.Current); err != nil || got != imagetest.Digest(c.data) {
					t.Errorf("Digest = %s, %v", got, err)
				}
				checked.checksum = imagetest.SHA256(c.data) // of the image, not of the file
				im = opened(t, checked)
				_, err := im.Send(t.Context(), &imagetest.Sink{})
				imagetest.WantError[*image.ChecksumError](t, err)
			})
		}
	}
}

func TestWhatIsInsideIsJudgedLikeAnyImage(t *testing.T) {
	for inside, data := range map[string][]byte{
		"it is compressed with xz": imagetest.Packed(t, "xz", imagetest.RawDisk(4096)),
		"it is a tar archive": append(make([]byte, 257),
			"ustar"+string(make([]byte, 4096))...),
		"it is empty":                                     nil,
		"its 5000 bytes are not whole sectors":            imagetest.RawDisk(5000),
		"it is an HTML page":                              []byte("<html>log in</html>"),
		"it is cut off: its L1 table ends at byte 196624": imagetest.Qcow2(nil)[:3<<16],
	} {
		im, err := open(t.Context(), source{path: imagetest.WriteFile(t, imagetest.Packed(t, "gzip", data))})
		if err == nil {
			_, err = im.Send(t.Context(), &imagetest.Sink{})
			_ = im.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "it is compressed with gzip, and inside "+inside) {
			t.Errorf("the error is %v, want that inside %s", err, inside)
		}
	}
}

// bomb is a long run of zeros after the beginning of an image, compressed.
func bomb(t testing.TB, head []byte, size int64) []byte {
	t.Helper()
	var file bytes.Buffer
	z := gzip.NewWriter(&file)
	_, err := z.Write(head)
	if err == nil {
		_, err = io.CopyN(z, zeroReader{}, size)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestABombIsGivenUp(t *testing.T) {
	small := imagetest.Qcow2(func(v2 *qcow2.HeaderFieldsV2, _ *qcow2.HeaderFieldsV3) { v2.Size = 64 << 20 })
	for name, c := range map[string]struct {
		file []byte
		room int64
		says string
	}{
		"raw":   {bomb(t, imagetest.RawDisk(1<<20), 40<<20), 16 << 20, "there is room for"},
		"qcow2": {bomb(t, small, 160<<20), 1 << 40, "it declares"},
	} {
		var sent int64
		sink := sinkFunc(func(_ context.Context, r io.Reader, offset, _ int64) error {
			n, err := io.Copy(io.Discard, r)
			sent = offset + n
			return err
		})
		im := opened(t, source{path: imagetest.WriteFile(t, c.file)})
		_, err := im.Send(t.Context(), sink, Room(c.room))
		if said := imagetest.WantError[*image.UnsupportedImageError](t, err); !strings.Contains(said.Reason, c.says) {
			t.Errorf("%s: it says %v", name, err)
		}
		if sent > 2<<20 {
			t.Errorf("%s: %d bytes were sent", name, sent)
		}
	}
}

// The stream has a frame that zstd skips, and nothing else: it is not an image.
func TestNothingIsInsideWhatIsSkipped(t *testing.T) {
	skipped := "\x50\x2a\x4d\x18\x04\x00\x00\x00here" // RFC 8878, section 3.1.2
	_, err := open(t.Context(), source{path: imagetest.WriteFile(t, []byte(skipped))})
	if said := imagetest.WantError[*image.NotAnImageError](t, err); !strings.Contains(said.Reason, "it is empty") {
		t.Errorf("it says %q", said.Reason)
	}
}

// If several frames end with their connection, it is not known whether the last one received is the
// last.
func TestTheEndOfAFrameIsNotThatOfAFile(t *testing.T) {
	disk := imagetest.RawDisk(1 << 20)
	file := append(imagetest.Packed(t, "zstd", disk[:300000]), imagetest.Packed(t, "zstd", disk[300000:])...)
	im := opened(t, source{once: bytes.NewReader(file), length: -1, untold: io.ErrUnexpectedEOF})
	if _, err := im.Send(t.Context(), &imagetest.Sink{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("what ends with its connection is taken for whole: %v", err)
	}
}
