package kind

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Build is an instance that is being created, or that gets another image: what was decided, and
// what its stages have found out. Stages record their undos in its Work.
type Build struct {
	*step.Work
	Request   Request
	Blueprint Blueprint
	Tenant    string
	UUID      string
	Metadata  string            // of the domain to define
	Strategy  strategy.Strategy // creates the system disk
	Image     Image             // of the version
	Pool      host.Pool         // the library's
	Homes     []host.Pool       // of the blueprint's drives
	Remains   []string          // further pools with volumes of a removed instance of the same name
	Doubt     error             // why the host does not know whether a container has the name; nil if it knows
	Before    Before            // the guest was started; set by the stage that starts it
	Disk      host.DiskImage    // the new system disk that Renew has created
	Defined   host.Domain       // the domain as Define has left it
	Resume    *Resume           // nil if the guest boots

	// Claimed says that the domain has just claimed the instance's name. Then an existing volume of
	// that name was requested by a build that is over, and was created late.
	Claimed bool
	// Confirm checks that version and image still exist. A stage calls it once the system disk is
	// based on the image.
	Confirm func(context.Context) error

	configured []profile.NIC
}

// Image is the stored image of a version.
type Image struct {
	Volume host.Volume
	Format string // raw or qcow2, as its document says
}

// Before is what was seen of a guest right before it was started. The zero value is for a guest
// that continues where it was.
type Before struct {
	Leases []host.Address // of its interfaces
}

// ChooseMACs gives a MAC address to each interface of the blueprint that has none.
func (b *Build) ChooseMACs() {
	b.configured = nil
	for i := range b.Blueprint.NICs {
		if b.Blueprint.NICs[i].MAC == "" {
			b.Blueprint.NICs[i].MAC = RandomMAC()
		} else {
			b.configured = append(b.configured, b.Blueprint.NICs[i])
		}
	}
}

// Configured are the interfaces whose MAC addresses ChooseMACs did not choose: another guest may
// have had the same addresses, and leases for them.
func (b *Build) Configured() []profile.NIC { return b.configured }

// Pools names the pools of the instance's volumes, the library's first.
func (b *Build) Pools() []string {
	pools := []string{b.Pool.Name}
	for _, home := range b.Homes {
		if !slices.Contains(pools, home.Name) {
			pools = append(pools, home.Name)
		}
	}
	return slices.Clip(pools)
}

// RandomMAC is an address with the prefix that QEMU's guests use.
func RandomMAC() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2])
}

// RandomUUID is a version 4 UUID (RFC 9562).
func RandomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
