package localfile_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// Terraform keeps stamps: they are read back as they were written, also by earlier providers.
func TestStampsAreStored(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	const before = `{"path":"disk.img","size_bytes":4096,"modified":"2026-01-02T03:04:05.000000006Z",` +
		`"digest":"sha256:ab"}`
	const now = `{"path":"disk.img","size_bytes":4096,"modified":"2026-01-02T03:04:05.000000006Z",` +
		`"changed":"2026-01-02T03:04:06.000000006Z","inode":7,"digest":"sha256:ab"}`
	old := localfile.Stamp{Path: "disk.img", Size: 4096, Modified: at, Digest: "sha256:ab"}
	full := old
	full.Changed, full.Inode = at.Add(time.Second), 7
	for text, want := range map[string]localfile.Stamp{before: old, now: full} {
		var got localfile.Stamp
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
		if written, err := json.Marshal(want); err != nil || string(written) != text {
			t.Errorf("it is written as %s, %v, want %s", written, err, text)
		}
	}
}

// A stamp is of another file if anything except the digest differs.
func TestStampsAreCompared(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	one := localfile.Stamp{Path: "disk.img", Size: 4096, Modified: at, Changed: at, Inode: 7, Digest: "sha256:ab"}
	same := one
	same.Digest, same.Modified = "", at.In(time.FixedZone("", 3600))
	if !one.Same(same) {
		t.Error("another digest, or zone, makes another file")
	}
	for name, change := range map[string]func(*localfile.Stamp){
		"path":     func(s *localfile.Stamp) { s.Path = "other.img" },
		"size":     func(s *localfile.Stamp) { s.Size++ },
		"modified": func(s *localfile.Stamp) { s.Modified = at.Add(1) },
		"changed":  func(s *localfile.Stamp) { s.Changed = time.Time{} },
		"inode":    func(s *localfile.Stamp) { s.Inode = 0 },
	} {
		other := one
		change(&other)
		if one.Same(other) || other.Same(one) {
			t.Errorf("another %s makes no other file", name)
		}
	}
}

func TestAMissingFileHasNoStamp(t *testing.T) {
	if seen, err := localfile.StampOf(filepath.Join(t.TempDir(), "disk.img")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %+v, %v", seen, err)
	}
}
