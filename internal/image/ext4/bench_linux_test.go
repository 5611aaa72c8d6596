package ext4_test

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
)

// rootFiles writes an archive like that of a distribution: 16,000 files in 1,600 directories, 320
// MB, most of them small.
func rootFiles(b *testing.B) (path string, size int64) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "root.tar")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	w, r := tar.NewWriter(buffered), rand.NewChaCha8([32]byte{})
	for n := range 16_000 {
		if n%10 == 0 {
			d := dir(fmt.Sprintf("usr/%d/", n/10))
			err = errors.Join(err, w.WriteHeader(&d.Header))
		}
		length := int64(1000 + n%5000)
		if n%40 == 0 {
			length = 680_000
		}
		it := file(fmt.Sprintf("usr/%d/file-%d", n/10, n), "")
		it.Size, it.ModTime = length, madeAt
		err = errors.Join(err, w.WriteHeader(&it.Header))
		_, copyErr := io.CopyN(w, r, length)
		err = errors.Join(err, copyErr)
	}
	if err := errors.Join(err, w.Close(), buffered.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return path, info.Size()
}

// BenchmarkBase makes a base in a file, reading the archive once or twice, and has tar unpack the
// same archive.
func BenchmarkBase(b *testing.B) {
	path, size := rootFiles(b)
	open := func(b *testing.B) ext4.Entries {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = f.Close() })
		return ext4.FromTar(tar.NewReader(f))
	}
	b.Run("once", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := ext4.SendOnce(b.Context(), options(), open(b), newSink(b, false)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("planned", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			planned, err := ext4.Plan(b.Context(), options(), open(b))
			if err == nil {
				_, err = planned.Send(b.Context(), open(b), newSink(b, true))
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tar", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			needs.Tool(b, "tar", "-xf", path, "-C", b.TempDir())
		}
	})
}
