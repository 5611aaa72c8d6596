package catalogcmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// Versions that are stored as differences from others are exported and restored as differences, on
// top of the others wherever those are stored then.
func TestAccABackupOfChangesIsRestored(t *testing.T) {
	from, to := newPool(t), newPool(t)
	l := from.library(t, "t1", "")
	disks := map[string]string{"1.9.0": rawDisk(t)}
	id := offer(t, l, "ubuntu", disks)
	last := "1.9.0"
	for n, number := range []string{"1.10.0", "1.11.0"} { // which the catalog lists in a different order
		data, err := os.ReadFile(disks[last])
		if err != nil {
			t.Fatal(err)
		}
		data[(n+3)<<20] ^= 1
		disks[number] = filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(disks[number], data, 0o600); err != nil {
			t.Fatal(err)
		}
		registration := library.VersionRequest{
			ID: id.Version(number), Source: file.Source{Path: disks[number]}, Parent: last,
		}
		if _, err := l.RegisterVersion(t.Context(), registration); err != nil {
			t.Fatal(err)
		}
		last = number
	}
	archive := filepath.Join(t.TempDir(), "library.tar")
	from.catalog(t, exitDone, "export", "--to", archive)
	withdraw(t, l, id)

	to.catalog(t, exitDone, "import", "--from", archive)
	restored := to.library(t, "t1", "")
	whole(t, restored, id, disks)
	for number, disk := range disks {
		v, err := restored.Version(t.Context(), id.Version(number))
		if err != nil {
			t.Fatal(err)
		}
		to.wantDisk(t, restored, v, disk)
	}
	// The restored versions work as before: another image can be compared with them, and they can be
	// removed one by one.
	more := library.VersionRequest{
		ID: id.Version("2.0.0"), Source: file.Source{Path: disks["1.9.0"], Checksum: digestOf(t, disks["1.9.0"])},
		Parent: last,
	}
	if v, err := restored.RegisterVersion(t.Context(), more); err != nil || v.Transferred != 0 {
		t.Errorf("the first image again: %d bytes sent, %v", v.Transferred, err)
	}
	disk := rawDisk(t)
	more.ID, more.Source = id.Version("2.1.0"), file.Source{Path: disk}
	if v, err := restored.RegisterVersion(t.Context(), more); err != nil {
		t.Errorf("another image on top: %v", err)
	} else {
		to.wantDisk(t, restored, v, disk)
	}
	withdraw(t, restored, id)
	if left := to.Leftovers(t, to.name, "nova.base."); len(left) != 0 {
		t.Errorf("in the pool is %q", left)
	}
}

// wantDisk checks that the host reads the contents of a raw file from a version.
func (p pool) wantDisk(t *testing.T, l *library.Library, v catalog.Version, disk string) {
	t.Helper()
	location, err := l.Images.Location(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	read := filepath.Join(filepath.Dir(location), "read.img")
	p.Exec(t, "qemu-img", "convert", "-O", "raw", location, read)
	defer os.Remove(p.HostPath(read))
	if got, want := digestOf(t, p.HostPath(read)), digestOf(t, disk); got != want {
		t.Errorf("the disk of %s is %s, and of its source %s", v.ID, got, want)
	}
}
