// Package strategytest is the contract of strategy.Strategy as a suite of tests.
package strategytest

import (
	"context"
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

const (
	imageSize = 64 << 10 // bytes
	diskSize  = 1 << 20  // bytes
)

// Run runs the suite on a host, in an empty pool.
func Run(t *testing.T, s strategy.Strategy, h host.Host, pool string) {
	ctx := t.Context()
	volume := func(name string) host.Volume {
		t.Helper()
		v, err := h.Volume(ctx, pool, name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if of, err := strategy.Of(s.Name()); err != nil || of != s || s.Name() == "" {
		t.Errorf("%q names %v, %v", s.Name(), of, err)
	}
	if s.Summary() == "" {
		t.Errorf("%q has no summary", s.Name())
	}
	for _, format := range []string{"raw", "qcow2"} {
		image := "image." + format
		if _, err := h.CreateVolume(ctx, pool, host.VolumeSpec{
			Name: image, Format: format, Capacity: imageSize,
		}); err != nil {
			t.Fatal(err)
		}
		if format == "raw" {
			if err := h.WriteVolume(ctx, pool, image, []byte("boot")); err != nil {
				t.Fatal(err)
			}
		}
		before := volume(image)
		d := strategy.Disk{
			Pool:        pool,
			Name:        "disk-of-" + format,
			Capacity:    diskSize,
			Image:       before,
			ImageFormat: format,
		}
		if err := s.Make(ctx, h, d); err != nil {
			t.Fatal(err)
		}
		made := volume(d.Name)
		if made.Format != s.Format(format) || made.Capacity != diskSize {
			t.Errorf("of a %s image: %s with %d bytes", format, made.Format, made.Capacity)
		}
		if stands := made.Backing != nil && made.Backing.Path == before.Path &&
			made.Backing.Format == format; stands != s.HoldsBase() {
			t.Errorf("it stands on %+v, and it holds its image: %t", made.Backing, s.HoldsBase())
		}
		if made.Format == "raw" {
			if data, err := h.ReadVolumeAt(ctx, pool, d.Name, 0, 4); err != nil || string(data) != "boot" {
				t.Errorf("it holds %q, %v", data, err)
			}
		}
		if err := s.Make(ctx, h, d); !errors.Is(err, host.ErrExists) {
			t.Errorf("made again: %v", err)
		}
		if after := volume(image); after.Capacity != before.Capacity || after.Format != before.Format {
			t.Errorf("the image was %+v, and is %+v", before, after)
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		d.Name += "-cancelled"
		if err := s.Make(cancelled, h, d); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if _, err := h.Volume(ctx, pool, d.Name); !errors.Is(err, host.ErrNoVolume) {
			t.Errorf("cancelled, it was made all the same: %v", err)
		}
		d.Name, d.Image.Name, d.Image.Path = "disk-of-nothing", "no-such-image", before.Path+"-missing"
		if err := s.Make(ctx, h, d); err == nil {
			t.Error("a disk was made of an image that is not there")
		}
		if _, err := h.Volume(ctx, pool, d.Name); !errors.Is(err, host.ErrNoVolume) {
			t.Errorf("that has left something: %v", err)
		}
	}
}
