package domain

import (
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

func TestTextsThatAreNotUTF8AreUnderstood(t *testing.T) {
	d, err := parseDomain("<domain type='kvm'><name>a</name><title>\xff</title><metadata><x:y " +
		"xmlns:x='urn:z'>\xfe</x:y></metadata><devices><disk type='file' device='disk'><source " +
		"file='/pool/caf\xe9'/><target dev='vda'/></disk></devices></domain>")
	if err != nil || d.Name != "a" || len(d.Disks) != 1 {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestAnAnswerAboutADomainIsTold(t *testing.T) {
	// A domain's description comes from the daemon's memory.
	for code, want := range map[libvirt.ErrorNumber]bool{
		libvirt.ErrInternalError:    true,
		libvirt.ErrRPC:              true,
		libvirt.ErrAccessDenied:     false,
		libvirt.ErrOperationTimeout: false,
		libvirt.ErrSystemError:      false,
	} {
		if got := virterr.CannotDescribe(
			virterr.Fail("reading", "it", libvirt.Error{Code: uint32(code)}), ofDomains,
		); got != want {
			t.Errorf("code %d is about a domain: %t", code, got)
		}
	}
}
