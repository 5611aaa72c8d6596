package storage

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

func TestNamesThatAreNotUTF8AreUnderstood(t *testing.T) {
	v, err := parseVolume("p", "caf\xe9.qcow2", "<volume type='file'><name>caf\xe9.qcow2</name><capacity "+
		"unit='bytes'>7</capacity><target><path>/pool/caf\xe9.qcow2</path><format type='qcow2'/></target>"+
		"<backingStore><path>/pool/base</path><format type='raw'/></backingStore></volume>")
	if err != nil || v.Name != "caf\xe9.qcow2" || v.Capacity != 7 || v.Backing == nil ||
		*v.Backing != (host.Backing{Path: "/pool/base", Format: "raw"}) {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestWhatCannotBeDescribedIsToldOf(t *testing.T) {
	refused := libvirt.Error{Code: uint32(libvirt.ErrInternalError), Message: "it is a FIFO"}
	_, misread := parseVolume("p", "torn", "<volume>")
	answers := map[string]error{
		"good": nil, "gone": virterr.Fail("reading", "it", libvirt.Error{Code: uint32(libvirt.ErrNoStorageVol)}),
		"fifo": virterr.Fail("reading", "it", refused), "torn": virterr.Fail("reading", "it", misread),
	}
	describe := func(_ context.Context, name string) (string, error) { return name, answers[name] }
	called := func(name string) host.Undescribed { return host.Undescribed{Pool: "p", Name: name} }
	all, not, err := rpc.DescribeAll(t.Context(), []string{"good", "gone", "fifo", "torn"}, host.ErrNoVolume, ofVolumes,
		called, describe)
	if err != nil || !slices.Equal(all, []string{"good"}) || len(not) != 2 {
		t.Fatalf("described %q, not %v, %v", all, not, err)
	}
	for n, want := range []string{`volume "fifo" in pool "p"`, `volume "torn" in pool "p"`} {
		if not[n].String() != want || !errors.Is(not[n].Err, answers[not[n].Name]) {
			t.Errorf("told of %s: %v, want %s", not[n], not[n].Err, want)
		}
	}
	if name := (host.Undescribed{Name: "web"}).String(); name != `domain "web"` {
		t.Errorf("a domain is %s", name)
	}
	// An error about the pool, the connection or the caller fails the whole list.
	for name, cause := range map[string]error{
		"denied":   libvirt.Error{Code: uint32(libvirt.ErrAccessDenied)},
		"no room":  libvirt.Error{Code: uint32(libvirt.ErrRPC)},
		"busy":     libvirt.Error{Code: uint32(libvirt.ErrOperationTimeout)},
		"inactive": host.ErrPoolInactive,
		"lost":     host.ErrUnreachable,
		"late":     context.DeadlineExceeded,
		"no pool":  virterr.Fail("", "", libvirt.Error{Code: uint32(libvirt.ErrNoStoragePool)}),
	} {
		answers[name] = virterr.Fail("reading", "it", cause)
		if _, _, err := rpc.DescribeAll(
			t.Context(), []string{"good", name}, host.ErrNoVolume, ofVolumes, called, describe,
		); !errors.Is(err, cause) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
