package oci_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

// Limits keep a run of a fuzz target short.
var fuzzed = archive.Limits{Entries: 2000, Bytes: 8 << 20, Memory: 1 << 20}

// The engine makes each input that brings it further as small as it can, and tries all pieces of it
// for that. So inputs have a hundred bytes or two, and stand for more where that is needed.

// FuzzRecognise looks at the beginning of any file: it ends, and errors blame the image.
func FuzzRecognise(f *testing.F) {
	for _, tool := range imagetest.Tools {
		f.Add(imagetest.Packed(f, tool, bytes.Repeat([]byte("disk"), 20)))
	}
	f.Add([]byte("<html>"))
	f.Add([]byte("a\x00ustar"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, read, err := oci.Recognise(request.Origin, bytes.NewReader(data))
		if err != nil {
			imagetest.WantBlamed(t, err, "path")
			return
		}
		if !bytes.HasPrefix(data, read) || c.Ext4 && c.Compression == "" && len(data) < 2048 {
			t.Errorf("%d bytes are %+v, of which %d were read", len(data), c, len(read))
		}
	})
}

// FuzzDocuments opens an OCI layout and the output of docker save with any documents in them.
func FuzzDocuments(f *testing.F) {
	const config = `{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["LAYER"]},"config":{"Env":["A=1"]}}`
	f.Add(`{"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"IMAGE","size":9}]}`,
		`{"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"CONFIG","size":1},"layers":[]}`,
		config)
	f.Add(`[{"Config":"CONFIG","Layers":["a"]}]`, ``, config)
	f.Add(`[{"Config":"manifest.json"}]`, `{}`, `{}`)
	layer := string(Tar(f, File("a", "")))
	f.Fuzz(func(t *testing.T, list, manifest, config string) {
		config = strings.ReplaceAll(config, "LAYER", imagetest.SHA256([]byte(layer)))
		manifest = strings.ReplaceAll(manifest, "CONFIG", imagetest.SHA256([]byte(config)))
		manifest = strings.ReplaceAll(manifest, `"size":1`, fmt.Sprintf(`"size":%d`, len(config)))
		files := []Entry{File("a", layer)}
		for _, content := range []string{layer, config, manifest} {
			files = append(
				files,
				File("blobs/sha256/"+strings.TrimPrefix(imagetest.SHA256([]byte(content)), "sha256:"), content),
			)
		}
		index := strings.ReplaceAll(list, "IMAGE", imagetest.SHA256([]byte(manifest)))
		index = strings.ReplaceAll(index, `"size":9`, fmt.Sprintf(`"size":%d`, len(manifest)))
		for _, more := range [][]Entry{
			{File("oci-layout", `{"imageLayoutVersion":"1.0.0"}`), File("index.json", index)},
			{File("manifest.json", strings.ReplaceAll(list, "CONFIG", files[2].Name))},
		} {
			content := Tar(t, append(files, more...)...)
			im, err := oci.FromStream(t.Context(), request, transfer.Stream{Reader: bytes.NewReader(content), Size: -1})
			if err == nil {
				var tree *flatten.Tree
				if tree, err = im.Index(t.Context(), oci.Options{Limits: fuzzed}); err == nil {
					err = checkRoot(t, tree)
				}
				err = errors.Join(err, im.Close())
			}
			if err != nil {
				imagetest.WantBlamed(t, err, "path")
			}
		}
	})
}

// script makes an archive of a short text, so that the engine finds names and links that meet each
// other: a line is a type, a name and a target.
func script(t testing.TB, text string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, target, _ := strings.Cut(rest, " ")
		var e Entry
		switch kind {
		case "d":
			e = Dir(name)
		case "l":
			e = Symlink(name, target)
		case "h":
			e = Link(name, target)
		case "c":
			e = Device(tar.TypeChar, name, int64(len(target)), 0)
		default:
			e = File(name, target)
		}
		if w.WriteHeader(&e.Header) != nil { // such a header cannot be written
			return nil
		}
		if _, err := io.WriteString(w, e.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzFlatten lays any layers over each other: no panic, no path that climbs, and no name without the
// directory in which it is.
func FuzzFlatten(f *testing.F) {
	f.Add("d a\nf a/x 1\nh b a/x", "f a/.wh.x \nh c b", "f a/.wh..wh..opq \nl a/y /etc")
	f.Add("l a b\nf b/x 1", "f a/x 2", "f .wh.a \nh a/y b/x")
	f.Add("f x 1", "c x \nd x\nf x/y 2", "h x/z x/y\nf x/y 3")
	f.Add("f ../x 1", "h a ../b", "f //a 1")
	f.Fuzz(func(t *testing.T, first, second, third string) {
		var layers []archive.Layer
		for _, text := range []string{first, second, third} {
			layers = append(layers, Layer("layer", script(t, text)))
		}
		tree, err := flatten.Index(t.Context(), layers, flatten.Options{Origin: request.Origin, Limits: fuzzed})
		if err == nil {
			err = checkRoot(t, tree)
			if err != nil {
				t.Errorf("it was indexed, and cannot be read: %v", err)
			}
		}
		if err != nil {
			imagetest.WantBlamed(t, err, "path")
		}
	})
}

// FuzzEntry reads an entry with any fields, a second one of the same name, and a PAX record before them.
func FuzzEntry(f *testing.F) {
	f.Add(byte('0'), "a/b", "", "7", "path", "c/d", []byte("content"))
	f.Add(byte('1'), "a", "../b", "0", "SCHILY.xattr.user.a", "b", []byte{})
	f.Add(byte('S'), "a", "", "200", "GNU.sparse.major", "1", []byte("1\n0\n"))
	f.Add(byte('3'), ".wh.a", "", "0", "size", "99999999999", []byte{})
	f.Add(byte('5'), "a/.wh..wh..opq", "", "", "mtime", "-1e99", []byte{})
	f.Add(byte('L'), "././@LongLink", "", "5", "uid", "-5", []byte("long"))
	f.Fuzz(func(t *testing.T, kind byte, name, link, size, key, value string, content []byte) {
		record := fmt.Sprintf(" %s=%s\n", key, value)
		length := len(record) + 2
		if length >= 100 {
			length++
		}
		record = fmt.Sprint(length) + record
		layer := slices.Concat(rawEntry('x', "pax", "", fmt.Sprintf("%o", len(record)), []byte(record)),
			rawEntry(kind, name, link, size, content), rawEntry('0', name, link, size, content), make([]byte, 1024))
		tree, err := flatten.Index(t.Context(), []archive.Layer{Layer("layer", layer)},
			flatten.Options{Origin: request.Origin, Limits: fuzzed, Devices: archive.AllDevices})
		if err == nil {
			err = checkRoot(t, tree)
		}
		if err != nil {
			imagetest.WantBlamed(t, err, "path")
		}
	})
}

// rawEntry is an entry of an archive (POSIX ustar) with fields as they are given.
func rawEntry(kind byte, name, link, size string, content []byte) []byte {
	h := make([]byte, 512)
	copy(h[:100], name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:136], size)
	copy(h[136:], "00000000000\x00        ")
	h[156] = kind
	copy(h[157:257], link)
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return slices.Concat(h, content, make([]byte, (512-len(content)%512)%512))
}

// checkRoot reads a root file system and checks what all of them have in common.
func checkRoot(t *testing.T, tree *flatten.Tree) error {
	t.Helper()
	there := map[string]byte{}
	r := tree.Open(t.Context())
	defer r.Close()
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		if name != strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/") && h.Name != "./" ||
			strings.HasPrefix(name, "/") || name == ".." || strings.HasPrefix(name, "../") ||
			strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Fatalf("the name %q is not clean", h.Name)
		}
		if there[name] != 0 {
			t.Fatalf("%q is there twice", name)
		}
		if name != "." && there[path.Dir(name)] != tar.TypeDir {
			t.Fatalf("%q is not in a directory", name)
		}
		if h.Typeflag == tar.TypeLink && (there[h.Linkname] == 0 || there[h.Linkname] == tar.TypeDir) {
			t.Fatalf("%q is a hard link to %q, which is no file", name, h.Linkname)
		}
		if strings.HasPrefix(path.Base(name), ".wh.") {
			t.Fatalf("%q is a mark", name)
		}
		there[name] = h.Typeflag
		if n, err := io.Copy(io.Discard, r); err != nil || n != h.Size {
			return errors.Join(err, wrongSize(t, name, n, h.Size, err))
		}
	}
	s := tree.Stats()
	links := 0
	for _, kind := range there {
		if kind == tar.TypeLink {
			links++
		}
	}
	if s.Files+s.Directories+links != len(there) {
		t.Fatalf("it counts %+v, and has %d names and %d further hard links", s, len(there), links)
	}
	return nil
}

func wrongSize(t *testing.T, name string, got, want int64, err error) error {
	t.Helper()
	if err == nil {
		t.Fatalf("%q has %d bytes, and its header says %d", name, got, want)
	}
	return nil
}
