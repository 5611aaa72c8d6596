package file

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

func TestALookReadsOnlyWhatMayHaveChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	long := time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)
	write := func(content string, at time.Time) {
		t.Helper()
		imagetest.Tick(t, path)
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	lookAt := func(before localfile.Stamp) (localfile.Stamp, error) {
		noted, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := Source{Path: path}.Look(t.Context(), noted, digest.SHA256)
		if err != nil {
			return localfile.Stamp{}, err
		}
		return seen.(stamp).Stamp, nil
	}
	look := func(before localfile.Stamp) localfile.Stamp {
		t.Helper()
		seen, err := lookAt(before)
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	// It is not an image, which a look does not mind.
	write("first", long)
	first := look(localfile.Stamp{})
	if first.Digest != imagetest.SHA256([]byte("first")) || first.Size != 5 || !first.Modified.Equal(long) {
		t.Errorf("seen: %+v", first)
	}
	believed := first
	believed.Digest = "sha256:what was seen before"
	if again := look(believed); again != believed {
		t.Errorf("read without need: %+v", again)
	}
	// Written to, with its size and time restored, it is another one if the system reports that.
	write("other", long)
	if seen := look(believed); first.Inode != 0 && (seen.Digest == believed.Digest || seen.Digest == first.Digest) {
		t.Errorf("the same size and time: %+v", seen)
	}
	// So is another file in its place, for which the earlier stamps do not count.
	write("other", long)
	other := look(localfile.Stamp{})
	for name, change := range map[string]func(*localfile.Stamp){
		"another file": func(s *localfile.Stamp) { s.Inode++ },
		"changed":      func(s *localfile.Stamp) { s.Changed = s.Changed.Add(-time.Second) },
		"an old note":  func(s *localfile.Stamp) { s.Inode, s.Changed = 0, time.Time{} },
	} {
		before := other
		before.Digest = believed.Digest
		change(&before)
		if seen := look(before); other.Inode != 0 && seen != other {
			t.Errorf("%s: %+v", name, seen)
		}
	}
	another := localfile.Stamp{Path: path + "2", Size: 5, Modified: long, Digest: first.Digest}
	if seen := look(another); seen.Digest == first.Digest {
		t.Error("what was seen of another file was believed")
	}
	write("other", long.Add(time.Nanosecond))
	if seen := look(first); seen.Digest == first.Digest {
		t.Error("a later file was not read")
	}
	write("first", long.Add(time.Hour))
	if seen := look(first); seen.Digest != first.Digest || seen.Modified.Equal(first.Modified) {
		t.Errorf("a touched file: %+v", seen)
	}
	write("longer", long)
	if seen := look(first); seen.Digest == first.Digest || seen.Size != 6 {
		t.Errorf("a longer file: %+v", seen)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := lookAt(first); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
}
