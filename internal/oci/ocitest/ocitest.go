// Package ocitest makes layers and images for tests.
package ocitest

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Entry is an entry of an archive.
type Entry struct {
	tar.Header
	Content string
}

// Time is when all files were changed.
var Time = time.Unix(1_700_000_000, 0).UTC()

func entry(kind byte, name string, mode int64) Entry {
	return Entry{Header: tar.Header{Typeflag: kind, Name: name, Mode: mode, ModTime: Time, Format: tar.FormatPAX}}
}

// File is a file.
func File(name, content string) Entry {
	e := entry(tar.TypeReg, name, 0o644)
	e.Content, e.Size = content, int64(len(content))
	return e
}

// Dir is a directory.
func Dir(name string) Entry { return entry(tar.TypeDir, strings.TrimSuffix(name, "/")+"/", 0o755) }

// Symlink is a symlink.
func Symlink(name, target string) Entry {
	e := entry(tar.TypeSymlink, name, 0o777)
	e.Linkname = target
	return e
}

// Link is a hard link.
func Link(name, target string) Entry {
	e := entry(tar.TypeLink, name, 0o644)
	e.Linkname = target
	return e
}

// Device is a device node: kind is tar.TypeChar or tar.TypeBlock.
func Device(kind byte, name string, major, minor int64) Entry {
	e := entry(kind, name, 0o600)
	e.Devmajor, e.Devminor = major, minor
	return e
}

// With changes the header of an entry.
func (e Entry) With(change func(h *tar.Header)) Entry {
	change(&e.Header)
	return e
}

// Tar is an archive of entries.
func Tar(t testing.TB, entries ...Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		if _, err := io.WriteString(w, e.Content); err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Layer is a layer with that content.
func Layer(name string, content []byte) archive.Layer {
	return archive.Layer{Name: name, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

// Layers are "layer 1", "layer 2" and so on, with these entries.
func Layers(t testing.TB, of ...[]Entry) []archive.Layer {
	t.Helper()
	layers := make([]archive.Layer, len(of))
	for n, entries := range of {
		layers[n] = Layer("layer "+string(rune('1'+n)), Tar(t, entries...))
	}
	return layers
}
