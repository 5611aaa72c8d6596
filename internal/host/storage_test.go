package host

import (
	"errors"
	"testing"
)

func TestDiskSizeIsThatOfTheDefinedFormat(t *testing.T) {
	raw := Volume{Pool: "p", Name: "v", Format: "raw", Capacity: 10, Physical: 10}
	forged := Volume{Pool: "p", Name: "v", Format: "qcow2", Capacity: 99, Physical: 10}
	for _, c := range []struct {
		volume Volume
		format string
		size   uint64
		as     bool
	}{
		{raw, "raw", 10, true},
		{forged, "raw", 10, false},
		{forged, "qcow2", 99, true},
	} {
		size, err := c.volume.DiskSize(c.format)
		if as := c.volume.As(c.format) == nil; size != c.size || err != nil || as != c.as {
			t.Errorf("%+v as %s has %d bytes (%v) and is one: %v; want %d and %v",
				c.volume, c.format, size, err, as, c.size, c.as)
		}
	}
	_, err := raw.DiskSize("qcow2")
	var wrong *FormatError
	if !errors.As(err, &wrong) || *wrong != (FormatError{Pool: "p", Volume: "v", Probed: "raw", Defined: "qcow2"}) {
		t.Errorf("a raw volume as qcow2 gives %v", err)
	}
	if want := `volume "v" in pool "p" is defined as a qcow2 disk, and what is in it looks ` +
		`like a raw one`; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
}
