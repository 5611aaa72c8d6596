package overlay

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"
)

type headerFields struct {
	qcow2.HeaderFieldsV2
	qcow2.HeaderFieldsV3
}

func fields(t testing.TB, first []byte) headerFields {
	t.Helper()
	var h headerFields
	if _, err := binary.Decode(first, binary.BigEndian, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// FuzzRebase gives any header another backing file: it is refused, or describes the same disk and
// only changes that file.
func FuzzRebase(f *testing.F) {
	var c Changes
	c.Data(3)
	file, err := c.File(Spec{1 << 30, "/pool/below", "raw"})
	if err != nil {
		f.Fatal(err)
	}
	first, err := file.Header()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first[:112], "/pool/other", "qcow2")
	f.Add(first[:104], "json:{}", "raw")
	f.Add(first[:100], "/pool/other", "raw")
	spoiled := bytes.Clone(first[:112])
	spoiled[79] |= 4 // an external data file
	f.Add(spoiled, "/pool/other", "raw")
	spoiled = bytes.Clone(first[:112])
	spoiled[64] = 1 // the place of snapshots
	f.Add(spoiled, "/pool/other", "raw")
	spoiled = bytes.Clone(first[:112])
	spoiled[24] = 1 // a disk of 64 PiB
	f.Add(spoiled, "/pool/other", "raw")
	f.Fuzz(func(t *testing.T, first []byte, backing, format string) {
		got, err := Rebase(first, backing, format)
		if err != nil {
			return
		}
		if len(got) != ClusterSize {
			t.Fatalf("the header has %d bytes", len(got))
		}
		h, before := fields(t, got), fields(t, first)
		if _, err := new(Changes).File(Spec{int64(h.Size), backing, format}); err != nil {
			t.Errorf("it cannot be: %v", err)
		}
		if h.Size != before.Size || h.L1Size != before.L1Size || h.L1TableOffset != before.L1TableOffset ||
			h.RefcountTableOffset != before.RefcountTableOffset ||
			h.RefcountTableClusters != before.RefcountTableClusters {
			t.Errorf("it says %+v, and said %+v", h, before)
		}
		if h.IncompatibleFeatures != 0 || h.CompatibleFeatures != 0 || h.AutoclearFeatures != 0 || h.NbSnapshots != 0 ||
			h.SnapshotsOffset != 0 || h.CryptMethod != 0 {
			t.Errorf("it asks for more: %+v", h)
		}
		if name := got[h.BackingFileOffset:][:h.BackingFileSize]; string(name) != backing {
			t.Errorf("it stands on %q, want %q", name, backing)
		}
		if again, err := Rebase(got, backing, format); err != nil || !bytes.Equal(again, got) {
			t.Errorf("again it is another header, %v", err)
		}
	})
}
