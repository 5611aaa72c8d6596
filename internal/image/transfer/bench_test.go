package transfer

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// bigRaw writes a raw disk of size bytes without holes or repetition that a file system could fold.
func bigRaw(tb testing.TB, size int64) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "big.raw")
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i>>16) ^ byte(i*7) | 1
	}
	copy(data[510:], "\x55\xaa")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

const benchSize = 256 << 20

// BenchmarkSend is to be faster than BenchmarkHash: sending to a sink that costs nothing is only
// hashing, which all processors share.
func BenchmarkSend(b *testing.B) {
	path := bigRaw(b, benchSize)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		im, err := open(context.Background(), source{path: path})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := im.Send(context.Background(), discardSink{}); err != nil {
			b.Fatal(err)
		}
		if err := im.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHash is io.Copy of the same file into sha256, on one processor.
func BenchmarkHash(b *testing.B) {
	path := bigRaw(b, benchSize)
	b.SetBytes(benchSize)
	for b.Loop() {
		file, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(sha256.New(), file); err != nil {
			b.Fatal(err)
		}
		_ = file.Close()
	}
}

type discardSink struct{}

func (discardSink) WriteAt(_ context.Context, r io.Reader, _, _ int64) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 256<<10))
	return err
}
