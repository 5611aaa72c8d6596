package storage

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// forged writes the header of an image over the beginning of a raw disk of 8 MiB, as its guest
// could, and makes the host detect it.
func forged(t *testing.T, h *testHost, pool, name string, options ...string) host.Volume {
	t.Helper()
	ctx := t.Context()
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: name, Format: "raw", Capacity: 8 << 20,
	}))
	header := filepath.Join(t.TempDir(), "header")
	if out, err := exec.Command(
		"qemu-img", append(append([]string{"create", "-q", "-f", "qcow2"}, options...), header, "64M")...,
	).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v\n%s", err, out)
	}
	if err := h.WriteVolume(ctx, pool, name, must.Get[[]byte](t)(os.ReadFile(header))); err != nil {
		t.Fatal(err)
	}
	if err := h.RefreshPool(ctx, pool); err != nil {
		t.Fatal(err)
	}
	v := must.Get[host.Volume](t)(h.Volume(ctx, pool, name))
	if v.Format != "qcow2" {
		t.Fatalf("the host has found %+v", v)
	}
	return v
}

func TestTheHeaderThatAGuestHasWrittenIsNotFollowed(t *testing.T) {
	h, pool, directory := realPool(t)
	ctx := t.Context()
	secret := filepath.Join(virttest.OpenDir(t), "secret")
	if err := os.WriteFile(secret, bytes.Repeat([]byte("of nobody's business"), 1<<15), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string][]string{
		"backing": {"-b", secret, "-F", "raw"},
		"alone":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			v := forged(t, h, pool, name+".raw", options...)
			_, err := h.CloneVolume(ctx, pool, host.VolumeSpec{Name: name + ".copy", Format: "qcow2"},
				host.CloneSource{Pool: pool, Name: v.Name, Format: "raw"})
			var wrong *host.FormatError
			if !errors.As(err, &wrong) || *wrong != (host.FormatError{
				Pool: pool, Volume: v.Name, Probed: "qcow2", Defined: "raw",
			}) {
				t.Errorf("copying it gives %v", err)
			}
			if _, err := os.Stat(filepath.Join(directory, name+".copy")); err == nil {
				t.Error("there is a copy")
			}
			before := must.Get[[]byte](t)(os.ReadFile(v.Path))
			if err := h.ResizeVolume(ctx, pool, v.Name, "raw", 32<<20); err != nil {
				t.Fatal(err)
			}
			after := must.Get[[]byte](t)(os.ReadFile(v.Path))
			if len(after) != 32<<20 || !bytes.Equal(after[:len(before)], before) ||
				len(bytes.Trim(after[len(before):], "\x00")) > 0 {
				t.Errorf("the disk of %d bytes has become one of %d, and was changed otherwise",
					len(before), len(after))
			}
			if err := h.ResizeVolume(ctx, pool, v.Name, "raw", 16<<20); err == nil {
				t.Error("the disk was made smaller")
			}
		})
	}
}

func TestAVolumeIsCopiedAsWhatItIsKnownFor(t *testing.T) {
	h, pool, _ := realPool(t)
	ctx := t.Context()
	v := must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "v.qcow2", Format: "qcow2", Capacity: 8 << 20,
	}))
	_, err := h.CloneVolume(ctx, pool, host.VolumeSpec{Name: "copy", Format: "raw"}, host.CloneSource{
		Pool: pool, Name: v.Name, Format: "raw",
	})
	if _, ok := errors.AsType[*host.FormatError](err); !ok {
		t.Errorf("copying a qcow2 image as a raw disk gives %v", err)
	}
	virttest.WantErr(t, h.ResizeVolume(ctx, pool, "none", "raw", 1), host.ErrNoVolume)
	_, err = h.Volume(ctx, pool, "copy")
	virttest.WantErr(t, err, host.ErrNoVolume)
}
