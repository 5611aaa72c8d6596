package catalogcmd

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// packedBackup returns a backup of members with their checksums. Its arguments are alternately
// names and contents.
func packedBackup(t testing.TB, members ...string) []byte {
	t.Helper()
	var file, sums bytes.Buffer
	w := tar.NewWriter(&file)
	put := func(name, data string) {
		if err := w.WriteHeader(&tar.Header{
			Name: name, Size: int64(len(data)), Mode: 0o600, Format: tar.FormatPAX,
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(data)); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(data))
		fmt.Fprintf(&sums, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	for n := 0; n < len(members); n += 2 {
		put(members[n], members[n+1])
	}
	put(sumsName, sums.String())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// readAll reads everything that an import reads from a backup.
func readAll(ctx context.Context, b *backup) error {
	templates, err := b.templates(ctx)
	if err != nil {
		return err
	}
	for _, template := range templates {
		versions, err := b.versions(ctx, template.ID)
		if err != nil {
			return err
		}
		for _, v := range versions {
			stored, there := b.image(v)(v.Digest)
			if !there {
				continue
			}
			r, err := stored.Open()
			if err == nil {
				err = r.Close()
			}
			if err != nil {
				return err
			}
		}
	}
	_, err = readOthers(ctx, b)
	return err
}

const packedHeader = `{"novacron_backup": 1}`

// FuzzBackup reads a backup in which some bytes are changed: two bytes of the input say where, and
// a third is added there. The fuzzing engine tries short inputs in all ways when it minimizes.
func FuzzBackup(f *testing.F) {
	whole := packedBackup(f, headerName, packedHeader, "templates/default/ubuntu.json", `{"id": "default/ubuntu"}`)
	f.Add([]byte{})
	f.Add([]byte{0, 156, 1})          // another type of member
	f.Add([]byte{0, 124, 7, 2, 0, 1}) // another size, another sum
	f.Fuzz(func(t *testing.T, changes []byte) {
		file := bytes.Clone(whole)
		for ; len(changes) >= 3; changes = changes[3:] {
			file[(int(changes[0])<<8+int(changes[1]))%len(file)] += changes[2]
		}
		if b, err := readBackup(t.Context(), bytes.NewReader(file)); err == nil {
			_ = readAll(t.Context(), b)
		}
	})
}

// FuzzBackupDocuments reads documents with any content and name: if one is accepted, its id matches
// its file name, and the library can name it.
func FuzzBackupDocuments(f *testing.F) {
	const template, version, digest = `{"tenant": "default", "name": "ubuntu"}`, `"1.0.0"`, "sha256:00"
	f.Add("templates/default/ubuntu.json", `{"id": "default/ubuntu", "type": "vm"}`, "bases/00.json",
		`{"digest": "sha256:00", "stored_size_bytes": 4}`)
	f.Add("templates/default/ubuntu.json", `{"id": `+template+`}`, "versions/default/ubuntu@1.0.0.json",
		`{"id": {"template": `+template+`, "version": `+version+`}, "digest": "`+digest+`"}`)
	f.Add("requests/default/1.json", `{"id": {"tenant": "default", "id": "1"}}`, "images/00", "data")
	f.Add("templates/../x.json", `{}`, "bases/00.json", `{"parent": "sha256:00"}`)
	f.Fuzz(func(t *testing.T, oneName, one, twoName, two string) {
		if strings.ContainsAny(oneName+twoName, "\n\x00") || strings.HasSuffix(oneName, "/") ||
			strings.HasSuffix(twoName, "/") {
			return
		}
		b, err := readBackup(t.Context(), bytes.NewReader(packedBackup(t, headerName, packedHeader, oneName, one,
			twoName, two)))
		if err != nil {
			return
		}
		templates, err := b.templates(t.Context())
		if err != nil {
			return
		}
		for _, template := range templates {
			if _, err := catalog.ParseTemplateID(template.ID.String()); err != nil {
				t.Errorf("template %q is let in: %v", template.ID, err)
			}
			versions, _ := b.versions(t.Context(), template.ID)
			for _, v := range versions {
				if _, err := catalog.ParseVersionID(v.ID.String()); err != nil || v.ID.Template != template.ID {
					t.Errorf("version %q of %q is let in: %v", v.ID, template.ID, err)
				}
			}
		}
		_ = readAll(t.Context(), b)
	})
}

// Images are named by their digests, and backups of earlier providers have SHA-256 there.
func TestAnImageMustHaveTheDigestOfItsName(t *testing.T) {
	data := []byte("data")
	for digest, content := range map[string]string{
		imagetest.SHA256(data): "data", imagetest.Digest(data): "data", imagetest.Digest(nil): "",
	} {
		name := imagesName + catalog.BaseKey(digest)
		read := func(format int, content string) error {
			header := fmt.Sprintf(`{"novacron_backup": %d}`, format)
			file := packedBackup(t, headerName, header, name, content)
			_, err := readBackup(t.Context(), bytes.NewReader(file))
			return err
		}
		for format := 1; format <= backupFormat; format++ {
			if err := read(format, content); err != nil {
				t.Errorf("%s of format %d: %v", name, format, err)
			}
		}
		another := read(backupFormat, content+"x")
		if another == nil || !strings.Contains(another.Error(), "not the image of its name") {
			t.Errorf("another image is named %s: %v", name, another)
		}
		if err := read(backupFormat+1, content); err == nil || !strings.Contains(err.Error(), "newer provider") {
			t.Errorf("a later format: %v", err)
		}
	}
}

// A member that leaves out its zeros, as GNU tar writes it, claims to be longer than the file:
// hashing it might never end.
func TestASparseMemberIsRefused(t *testing.T) {
	var file bytes.Buffer
	w := tar.NewWriter(&file)
	data := "1\n0\n4\n" + strings.Repeat("\x00", 512-6) + "data" // one piece of four bytes
	for _, err := range []error{
		w.WriteHeader(&tar.Header{
			Name: headerName, Size: int64(len(packedHeader)), Mode: 0o600, Format: tar.FormatPAX,
		}),
		func() error { _, err := w.Write([]byte(packedHeader)); return err }(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	// archive/tar does not write these records, so the test writes them under another vendor's name
	// and then renames them.
	err := w.WriteHeader(&tar.Header{Name: "images/00", Size: int64(len(data)), Mode: 0o600, Format: tar.FormatPAX,
		PAXRecords: map[string]string{
			"GNX.sparse.major": "1", "GNX.sparse.minor": "0", "GNX.sparse.name": "images/00",
			"GNX.sparse.realsize": "1125899906842624",
		}})
	if err == nil {
		_, err = w.Write([]byte(data))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	sparse := bytes.ReplaceAll(file.Bytes(), []byte("GNX.sparse"), []byte("GNU.sparse"))
	if _, err := readBackup(t.Context(), bytes.NewReader(sparse)); err == nil ||
		!strings.Contains(err.Error(), "not a plain file") {
		t.Errorf("the error is %v", err)
	}
}

// The end of the context ends the check of a backup, also in the middle of an image.
func TestCheckingABackupEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	file := packedBackup(t, headerName, packedHeader, "images/00", strings.Repeat("data", 100_000))
	_, err := readBackup(ctx, &cancelling{Reader: bytes.NewReader(file), cancel: cancel})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// cancelling cancels once it has returned more than a kibibyte or two.
type cancelling struct {
	*bytes.Reader
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	if c.Size()-int64(c.Len()) > 4096 {
		c.cancel()
	}
	return c.Reader.Read(p)
}
