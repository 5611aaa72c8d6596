package sourcetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
)

// RunCaptured runs the suite for a kind whose sources the host copies as a whole. open creates a
// site for each of its tests.
func RunCaptured(t *testing.T, open func(t *testing.T) Site) {
	run(t, open, map[string]func(*testing.T, Site){
		"Described": described,
		"Captured":  captured,
		"Checksum":  noChecksum,
		"Cancelled": uncaptured,
		"Gone":      func(t *testing.T, s Site) { notThere(t, s, Gone) },
		"Denied":    func(t *testing.T, s Site) { notThere(t, s, Denied) },
		"InUse":     inUse,
	})
}

func (s Site) captured(t *testing.T) onhost.Captured {
	t.Helper()
	one, is := s.source("").(onhost.Captured)
	if !is || !s.Kind.Whole {
		t.Fatalf("the host captures it: %t, and copies it as a whole: %t", is, s.Kind.Whole)
	}
	return one
}

func captured(t *testing.T, s Site) {
	s.Put(t, imagetest.Qcow2(nil))
	one := s.captured(t)
	disk, err := one.Disk(t.Context())
	if err != nil || disk.Busy != nil {
		t.Fatalf("got %v, %v", err, disk.Busy)
	}
	if disk.Volume.Name == "" || disk.Volume.Capacity != 1<<30 || disk.Format != "qcow2" || disk.Room <= 0 {
		t.Errorf("the host is to copy %+v", disk)
	}
	if found, err := source.Examine(t.Context(), one); err != nil || found.Wait != nil || found.VirtualSize != 1<<30 {
		t.Errorf("it is examined as %+v, %v", found, err)
	}
	_, opened := one.Open(t.Context())
	s.wantError(t, opened, s.Kind.Attribute)
	if _, unbound := s.Kind.New(s.Settings).Open(t.Context()); unbound == nil {
		t.Error("without a host it is opened")
	}
}

// noChecksum is for a disk whose content cannot be known beforehand.
func noChecksum(t *testing.T, s Site) {
	s.Put(t, imagetest.Qcow2(nil))
	_, err := source.Examine(t.Context(), s.source(imagetest.SHA256(nil)))
	s.wantError(t, err, "checksum")
}

func uncaptured(t *testing.T, s Site) {
	s.Put(t, imagetest.Qcow2(nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.captured(t).Disk(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// notThere is an instance that does not exist, or not for this tenant.
func notThere(t *testing.T, s Site, name string) {
	f, can := s.fault(t, name)
	if !can {
		return
	}
	s.Put(t, imagetest.Qcow2(nil))
	f.Happen(t)
	_, err := s.captured(t).Disk(t.Context())
	s.wantFault(t, f, err)
	_, err = source.Examine(t.Context(), s.captured(t))
	s.wantFault(t, f, err)
}

// inUse is a disk that a guest writes to: an earlier step of the apply may shut it down.
func inUse(t *testing.T, s Site) {
	f, can := s.fault(t, InUse)
	if !can {
		return
	}
	s.Put(t, imagetest.Qcow2(nil))
	f.Happen(t)
	disk, err := s.captured(t).Disk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.wantFault(t, f, disk.Busy)
	found, err := source.Examine(t.Context(), s.captured(t))
	if err != nil || found.Wait == nil || !strings.Contains(found.Wait.Error(), f.Says) {
		t.Errorf("a plan is told %v, %v", found.Wait, err)
	}
}
