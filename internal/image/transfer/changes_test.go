package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2/overlay"
)

const quarter = 256 << 10

// pair is a disk before and after a change: some blocks changed, some were emptied, and some were
// added, at its end as well.
func pair(t *testing.T) (before, after []byte) {
	t.Helper()
	const block = blockmap.BlockSize
	before = make([]byte, 20*quarter)
	copy(before, imagetest.RandomDisk(6*quarter))
	copy(before[15*quarter:], imagetest.Random(2*quarter))
	after = bytes.Clone(before)
	copy(after[3*quarter+5:], "changed")        // one block
	clear(after[4*quarter : 4*quarter+3*block]) // emptied
	copy(after[8*quarter+block-1:], "ab")       // came, across two
	clear(after[15*quarter : 15*quarter+block]) // emptied
	copy(after[20*quarter-7:], "at last")       // the last one
	return before, after
}

// sentChanges sends an image as changes to a file, checks that it is a whole overlay, and returns
// the disk in it.
func sentChanges(t *testing.T, source source, below Below) ([]byte, Changes) {
	t.Helper()
	im := opened(t, source)
	sink := &imagetest.Sink{}
	told := ""
	changes, err := im.SendChanges(t.Context(), sink, below, OnDigest(func(d string) error { told = d; return nil }))
	if err != nil {
		t.Fatal(err)
	}
	if told != changes.Digest {
		t.Errorf("the digest was told as %q, and is %q", told, changes.Digest)
	}
	if changes.Size != int64(len(sink.Data)) || changes.Transferred != changes.Size {
		t.Errorf("size %d, transferred %d, the overlay has %d bytes", changes.Size, changes.Transferred, len(sink.Data))
	}
	if want := imagetest.SHA256(sink.Data[overlay.DataOffset:]); changes.Stored != want {
		t.Errorf("Stored = %s, want %s", changes.Stored, want)
	}
	if last := sink.Calls[len(sink.Calls)-1]; last[0] != 0 {
		t.Errorf("what was sent last is for byte %d, not the header", last[0])
	}
	path, disk := imagetest.WriteFile(t, sink.Data), filepath.Join(t.TempDir(), "disk")
	needs.Tool(t, "qemu-img", "check", "-q", "-f", "qcow2", path)
	needs.Tool(t, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, disk)
	content, err := os.ReadFile(disk)
	if err != nil {
		t.Fatal(err)
	}
	return content, changes
}

// mapped is the image of a disk as it is below another one, in a file of a format.
func mapped(t *testing.T, disk []byte, format string) Below {
	t.Helper()
	path := imagetest.WriteFile(t, disk)
	if format == "qcow2" {
		needs.Tool(t, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", path, path+".qcow2")
		path += ".qcow2"
	}
	result, err := opened(t, source{path: path}).Send(t.Context(), Discard, MapBlocks())
	if err != nil {
		t.Fatal(err)
	}
	return Below{Path: path, Format: format, Blocks: result.Blocks}
}

// kinds are all the ways in which an image of a disk can arrive.
func kinds(t *testing.T, disk []byte) map[string]func() source {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, data []byte) {
		if err := os.WriteFile(at(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	zip := func(name string) {
		data, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, 1)
		if _, err := z.Write(data); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		write(name+".gz", packed.Bytes())
	}
	write("raw", disk)
	for name, options := range map[string][]string{
		"qcow2":       nil,
		"small":       {"-o", "cluster_size=4k"},
		"deflate":     {"-c", "-o", "cluster_size=2M"},
		"zstd":        {"-c", "-o", "compression_type=zstd"},
		"subclusters": {"-o", "extended_l2=on,cluster_size=128k"},
	} {
		write(name, imagetest.Converted(t, disk, options...))
	}
	zip("raw")
	zip("qcow2")
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	all := map[string]func() source{}
	for _, name := range []string{"raw", "qcow2", "small", "deflate", "zstd", "subclusters", "raw.gz", "qcow2.gz"} {
		all[name] = func() source { return source{path: at(name)} }
	}
	for _, name := range []string{"raw", "qcow2", "raw.gz"} {
		all["stream of "+name] = func() source {
			data := imagetest.ReadFile(t, at(name))
			return source{once: bytes.NewReader(data), length: int64(len(data))}
		}
	}
	return all
}

func TestChangesGiveTheDisk(t *testing.T) {
	before, after := pair(t)
	for name, source := range kinds(t, after) {
		for _, format := range []string{"raw", "qcow2"} {
			if format == "qcow2" && name != "raw" { // one is enough: only the header differs
				continue
			}
			t.Run(name+" on "+format, func(t *testing.T) {
				got, changes := sentChanges(t, source(), mapped(t, before, format))
				if !bytes.Equal(got, after) {
					t.Error("another disk comes of it")
				}
				// Four blocks of data, and the header, an L2 table, the L1 table, and two for reference counts.
				if want := int64(4+5) * blockmap.BlockSize; changes.Size != want {
					t.Errorf("sent %d bytes, want %d", changes.Size, want)
				}
				wantMap(t, changes.Blocks, after)
			})
		}
	}
}

// wantMap checks that a map is that of a disk.
func wantMap(t *testing.T, m *blockmap.Map, disk []byte) {
	t.Helper()
	like := m.Like(int64(len(disk)))
	_ = blocksOf(bytes.NewReader(disk), func(block int64, data []byte) error { // which a buffer never fails
		like.Append(block, like.SumOf(data))
		return nil
	})
	var got, want bytes.Buffer
	if _, err := m.WriteTo(&got); err != nil {
		t.Fatal(err)
	}
	if _, err := like.WriteTo(&want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Error("the map is not that of the disk")
	}
}

// unmapped are the kinds whose map takes another reading.
var unmapped = []string{"qcow2.gz", "stream of qcow2", "small", "subclusters", "deflate"}

func TestImagesAreMapped(t *testing.T) {
	disk, _ := pair(t)
	for name, source := range kinds(t, disk) {
		t.Run(name, func(t *testing.T) {
			m, err := MapImage(t.Context(), opened(t, source()))
			if err != nil {
				t.Fatal(err)
			}
			wantMap(t, m, disk)
			result, err := opened(t, source()).Send(t.Context(), Discard, MapBlocks())
			if err != nil {
				t.Fatal(err)
			}
			if result.Blocks != nil {
				wantMap(t, result.Blocks, disk)
			}
			if unmapped := slices.Contains(unmapped, name); unmapped != (result.Blocks == nil) {
				t.Errorf("sending it maps it: %t", result.Blocks != nil)
			}
		})
	}
}

func TestChangesOfAnotherSize(t *testing.T) {
	before, after := pair(t)
	for name, disk := range map[string][]byte{
		"larger":   append(bytes.Clone(after), imagetest.Random(700*512)...),
		"smaller":  after[:5*quarter-512],
		"the same": before,
		"empty":    append(bytes.Clone(before[:512]), make([]byte, 2<<20)...),
	} {
		t.Run(name, func(t *testing.T) {
			got, changes := sentChanges(t, source{path: imagetest.WriteFile(t, disk)}, mapped(t, before, "raw"))
			if !bytes.Equal(got, disk) {
				t.Error("another disk comes of it")
			}
			if name == "the same" && changes.Size != 4*blockmap.BlockSize {
				t.Errorf("%d bytes were sent of what has not changed", changes.Size)
			}
		})
	}
}

func TestSendingChangesFails(t *testing.T) {
	before, after := pair(t)
	below := mapped(t, before, "raw")
	path := imagetest.WriteFile(t, after)
	no := errors.New("no")
	t.Run("the sink", func(t *testing.T) {
		for _, offset := range []int64{overlay.DataOffset, 5 * overlay.ClusterSize, 0} {
			sink := sinkFunc(func(ctx context.Context, r io.Reader, at, length int64) error {
				if at == offset {
					return no
				}
				return (&imagetest.Sink{}).WriteAt(ctx, r, at, length)
			})
			if _, err := opened(t, source{path: path}).SendChanges(t.Context(), sink, below); !errors.Is(err, no) {
				t.Errorf("at byte %d: got %v, want %v", offset, err, no)
			}
		}
	})
	t.Run("who is told the digest", func(t *testing.T) {
		refuse := OnDigest(func(string) error { return no })
		_, err := opened(t, source{path: path}).SendChanges(t.Context(), &imagetest.Sink{}, below, refuse)
		if err != no { //nolint:errorlint // as it is
			t.Errorf("got %v, want %v as it is", err, no)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		sink := sinkFunc(func(ctx context.Context, _ io.Reader, _, _ int64) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		})
		if _, err := opened(t, source{path: path}).SendChanges(ctx, sink, below); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
	t.Run("no room", func(t *testing.T) {
		_, err := opened(t, source{path: path}).SendChanges(t.Context(), &imagetest.Sink{}, below,
			Room(2*blockmap.BlockSize))
		imagetest.WantError[*image.UnsupportedImageError](t, err)
		imagetest.WantBlamed(t, err, "path")
	})
	t.Run("wrong checksum", func(t *testing.T) {
		im := opened(t, source{path: path, checksum: imagetest.SHA256(before)})
		_, err := im.SendChanges(t.Context(), &imagetest.Sink{}, below)
		imagetest.WantError[*image.ChecksumError](t, err)
	})
	t.Run("the file changes", func(t *testing.T) {
		sink := sinkFunc(func(_ context.Context, r io.Reader, _, _ int64) error {
			err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)) // before the last block is read
			_, copied := io.Copy(io.Discard, r)
			return errors.Join(err, copied)
		})
		if _, err := opened(t, source{path: path}).SendChanges(
			t.Context(), sink, below,
		); !errors.Is(err, image.ErrChanged) {
			t.Errorf("got %v, want %v", err, image.ErrChanged)
		}
	})
}
