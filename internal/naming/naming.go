// Package naming has the names that novacron gives to what it keeps on a host: domains, volumes and metadata. It also has the
// rules for the names that users choose, and their order.
//
// Names on a host carry the tenant, so that rules on the host can tell tenants apart. Neither tenants nor the names of
// instances have dots.
//
// Volumes are named
//
//	nova.disk.TENANT.INSTANCE.DISK.FORMAT   a disk of an instance
//	nova.seed.TENANT.INSTANCE.iso           what an instance's guest is told at its first boot
//	nova.console.TENANT.INSTANCE.log        what an instance's guest writes to its serial console
//	nova.base.RANDOM[.ATTEMPT].FORMAT       an image; with ".map" behind it, the map of its blocks
//	nova.clock.TENANT.RANDOM                made to tell the pool's time, and deleted at once
//	nova.KIND.KEY.REVISION.json             a document of the catalog
package naming

import (
	"crypto/rand"
	"fmt"
	"strings"
)

const (
	// DefaultTenant is the tenant of users who name none. The names of its domains do not carry it.
	DefaultTenant = "default"
	// InstanceNamespace is the XML namespace of an instance's facts in the metadata of its domain.
	InstanceNamespace = "urn:novacron:instance:1"

	own      = "nova."
	disks    = own + "disk."
	seeds    = own + "seed."
	consoles = own + "console."
	bases    = own + "base."
	clocks   = own + "clock."
	document = ".json"
	blockMap = ".map"
)

// Domain is the name of an instance's domain.
func Domain(tenant, instance string) string {
	if tenant == DefaultTenant {
		return instance
	}
	return tenant + "." + instance
}

// IsDomainOf tells whether a domain's name is one that Domain gives to instances of the tenant.
func IsDomainOf(tenant, domain string) bool {
	owner, name, dotted := strings.Cut(domain, ".")
	if tenant == DefaultTenant {
		return !dotted
	}
	return dotted && owner == tenant && !strings.Contains(name, ".")
}

// Disk is the volume of an instance's disk.
func Disk(tenant, instance, disk, format string) string {
	return fmt.Sprintf("%s%s.%s.%s.%s", disks, tenant, instance, disk, format)
}

// Seed is the volume of an instance's seed.
func Seed(tenant, instance string) string { return seeds + tenant + "." + instance + ".iso" }

// Console is the volume of an instance's console.
func Console(tenant, instance string) string { return consoles + tenant + "." + instance + ".log" }

// InstancePrefixes are what the names of all volumes of an instance start with.
func InstancePrefixes(tenant, instance string) []string {
	owner := tenant + "." + instance + "."
	return []string{disks + owner, seeds + owner, consoles + owner}
}

// IsOwn tells whether a volume is named as novacron names its own.
func IsOwn(volume string) bool { return strings.HasPrefix(volume, own) }

// IsDisk tells whether a volume is named as an instance's disk.
func IsDisk(volume string) bool { return strings.HasPrefix(volume, disks) }

// IsDiskOf tells whether a volume is named as a disk of an instance of the tenant.
func IsDiskOf(tenant, volume string) bool { return strings.HasPrefix(volume, disks+tenant+".") }

// IsBase tells whether a volume is named as an image, or as the map of one.
func IsBase(volume string) bool {
	return strings.HasPrefix(volume, bases) && !strings.HasSuffix(volume, document)
}

// MayBeImage tells whether a disk image may be in a volume of that name: in documents, seeds and logs of consoles is none.
func MayBeImage(volume string) bool {
	return !strings.HasSuffix(volume, document) && !strings.HasPrefix(volume, seeds) && !strings.HasPrefix(volume, consoles)
}

// OtherTenant tells whether a volume is named as one of another tenant, whose instance may be long gone. Images are no
// tenant's.
func OtherTenant(tenant, volume string) bool {
	parts := strings.Split(volume, ".")
	return len(parts) > 3 && IsOwn(volume) && !strings.HasPrefix(volume, bases) && parts[2] != tenant
}

// NewBaseStem begins the names of the volumes that one registration may send its image to. No two registrations have one.
func NewBaseStem() string { return bases + random() }

// Base is the volume of one attempt, from 1 on, to send an image. Each has a name of its own, so that a later one is not
// taken for one whose process died.
func Base(stem string, attempt int, format string) string {
	if attempt > 1 {
		stem = fmt.Sprintf("%s.%d", stem, attempt)
	}
	return stem + "." + format
}

// IsOfStem tells whether a volume is one that Base names, or its map.
func IsOfStem(stem, volume string) bool { return strings.HasPrefix(volume, stem+".") }

// BlockMap is the volume of the map that belongs to a base's volume.
func BlockMap(base string) string { return base + blockMap }

// BaseOf is the base's volume that a volume is, or is the map of.
func BaseOf(volume string) string { return strings.TrimSuffix(volume, blockMap) }

// NewClock is the volume of one reading of a pool's clock.
func NewClock(tenant string) string { return clocks + tenant + "." + random() }

// IsClock tells whether a volume was made to tell the time.
func IsClock(volume string) bool { return strings.HasPrefix(volume, clocks) }

func random() string { return strings.ToLower(rand.Text()) }
