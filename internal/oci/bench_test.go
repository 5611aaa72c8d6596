package oci_test

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

// benchmarked is the image to measure: the file that NOVACRON_BENCH_IMAGE names, or a root file system
// of 64 MiB in 4,000 files.
func benchmarked(b *testing.B, open func(path string)) {
	if path := os.Getenv("NOVACRON_BENCH_IMAGE"); path != "" {
		b.Run("given", func(*testing.B) { open(path) })
		return
	}
	var entries []Entry
	data := imagetest.Textual()
	for n := range 4000 {
		at := n * 997 % (len(data) - 16<<10)
		entries = append(entries, File(fmt.Sprintf("usr/share/d%d/f%d", n%100, n), string(data[at:at+16<<10])))
	}
	root := Tar(b, entries...)
	for name, content := range map[string][]byte{
		"plain": root, "gzip": imagetest.Packed(b, "gzip", root), "zstd": imagetest.Packed(b, "zstd", root),
		"xz": imagetest.Packed(b, "xz", root, "-1"),
	} {
		b.Run(name, func(b *testing.B) {
			path := imagetest.WriteFile(b, content)
			b.SetBytes(int64(len(root)))
			b.ResetTimer()
			for b.Loop() {
				open(path)
			}
		})
	}
}

// BenchmarkFlatten opens an image, indexes it, and reads its root, as a registration does.
func BenchmarkFlatten(b *testing.B) {
	benchmarked(b, func(path string) {
		im := must.Get[*oci.Image](b)(
			oci.FromFile(b.Context(), request, must.Get[*localfile.File](b)(localfile.Open(request.Origin, path))),
		)
		tree := must.Get[*flatten.Tree](b)(im.Index(b.Context(), oci.Options{}))
		must.Get[int64](b)(tree.WriteTar(b.Context(), io.Discard))
		mustDo(b, im.Close())
	})
}

// BenchmarkIndexMemory reports how many bytes of memory the index of a file takes.
func BenchmarkIndexMemory(b *testing.B) {
	const files = 100_000
	var entries []Entry
	for n := range files {
		entries = append(entries, File(fmt.Sprintf("usr/share/doc/package-%d/file-%d", n%5000, n), ""))
	}
	layer := Layer("layer 1", Tar(b, entries...))
	clear(entries) // so that they do not count
	used := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for b.Loop() {
		before := used()
		tree := must.Get[*flatten.Tree](b)(
			flatten.Index(b.Context(), []archive.Layer{layer}, flatten.Options{Origin: request.Origin}),
		)
		b.ReportMetric(float64(used()-before)/files, "bytes/file")
		runtime.KeepAlive(tree)
	}
}
