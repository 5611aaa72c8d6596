package sourcetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

func probed(t *testing.T, s Site) {
	s.Put(t, imagetest.Qcow2(nil))
	found, err := source.Examine(t.Context(), s.source(""))
	if err != nil || found.Wait != nil {
		t.Fatalf("got %v, %v", err, found.Wait)
	}
	if _, is := s.source("").(source.Probed); is != (found.VirtualSize == 1<<30) {
		t.Errorf("it is probed: %t, and its disk has %d bytes", is, found.VirtualSize)
	}
	if _, err := source.Examine(t.Context(), s.source("sha256:short")); err == nil {
		t.Error("what is not valid is examined")
	}
}

// watched looks at a source repeatedly: it is read only if it may have changed.
func watched(t *testing.T, s Site) {
	one, is := s.source("").(source.Watched)
	if !is {
		return
	}
	look := func(before []byte) (source.Stamp, []byte) {
		t.Helper()
		seen, err := one.Look(t.Context(), before, digest.SHA256) // as for a version of an earlier provider
		if err != nil {
			t.Fatal(err)
		}
		note, err := json.Marshal(seen)
		if err != nil {
			t.Fatal(err)
		}
		return seen, note
	}
	content := long()
	packed := zipped(t, content)
	s.Put(t, packed)
	unread, err := one.Stamp(t.Context())
	if err != nil || unread.Digest() != "" {
		t.Fatalf("a glance gives the digest %q, %v", unread.Digest(), err)
	}
	seen, _ := look(nil)
	if seen.Digest() != imagetest.SHA256(content) {
		t.Errorf("its digest is %s, want that of what is inside: %s", seen.Digest(), imagetest.SHA256(content))
	}
	if seen, err := one.Look(t.Context(), nil, digest.Current); err != nil ||
		seen.Digest() != imagetest.Digest(content) {
		t.Errorf("its digest is %s, %v, want %s", seen.Digest(), err, imagetest.Digest(content))
	}
	believed, err := json.Marshal(unread.WithDigest("sha256:believed"))
	if err != nil {
		t.Fatal(err)
	}
	if seen, note := look(believed); seen.Digest() != "sha256:believed" || !bytes.Equal(note, believed) {
		t.Errorf("what has not changed was read: %s, and %s was noted", note, believed)
	}
	if seen, err := one.Look(t.Context(), believed, digest.Current); err != nil ||
		seen.Digest() != imagetest.Digest(content) {
		t.Errorf("by a digest of another form, it is taken to have %s, %v", seen.Digest(), err)
	}
	readAnyway(t, s, content, packed)
	s.Put(t, []byte("no image"))
	if seen, _ := look(believed); seen.Digest() != imagetest.SHA256([]byte("no image")) {
		t.Errorf("what is no image has the digest %s", seen.Digest())
	}
	for _, unreadable := range []string{"{", "null", "[]"} {
		if seen, _ := look([]byte(unreadable)); seen.Digest() != imagetest.SHA256([]byte("no image")) {
			t.Errorf("after the note %s, the digest is %s", unreadable, seen.Digest())
		}
	}
	_, noImage := one.Read(t.Context(), digest.SHA256)
	imagetest.WantError[*image.NotAnImageError](t, noImage)
	s.wantError(t, noImage, s.Kind.Attribute)
	if f, can := s.fault(t, Gone); can {
		f.Happen(t)
		_, read := one.Read(t.Context(), digest.SHA256)
		s.wantFault(t, f, read)
		_, look := one.Look(t.Context(), nil, digest.SHA256)
		_, glance := one.Stamp(t.Context())
		for _, err := range []error{read, look, glance} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("once it is gone, looking at it gives %v", err)
			}
		}
	}
}

// readAnyway reads a watched source that has content, packed, and verifies its checksum.
func readAnyway(t *testing.T, s Site, content, packed []byte) {
	t.Helper()
	for _, checksum := range []string{"", imagetest.SHA512(packed)} {
		one, is := s.source(checksum).(source.Watched)
		if !is {
			t.Fatal("with a checksum it is not watched")
		}
		seen, err := one.Read(t.Context(), digest.Current)
		if err != nil || seen.Digest() != imagetest.Digest(content) {
			t.Errorf("it is read as %s, %v", seen.Digest(), err)
		}
	}
	wrong, is := s.source(imagetest.SHA512(nil)).(source.Watched)
	if !is {
		t.Fatal("with a checksum it is not watched")
	}
	_, err := wrong.Read(t.Context(), digest.SHA256)
	imagetest.WantError[*image.ChecksumError](t, err)
	s.wantError(t, err, "checksum")
}
