// Package naming has the names that novacron gives to the domains, volumes and metadata that it
// keeps on a host. It also has the rules for the names that users choose, and their order.
//
// Names on a host include the tenant, so that rules on the host can tell tenants apart. Neither
// tenants nor the names of instances have dots.
//
// Volumes are named
//
//	nova.disk.TENANT.INSTANCE.DISK.FORMAT   a disk of an instance
//	nova.c.TENANTHASH.INSTANCEHASH.PART     a disk of an instance's container: see ContainerDisk
//	nova.seed.TENANT.INSTANCE.iso           what an instance's guest is told at its first boot
//	nova.console.TENANT.INSTANCE.log        what an instance's guest writes to its serial console
//	nova.status.TENANT.INSTANCE.page        what an instance's container reports of itself
//	nova.status.TENANT.INSTANCE.json        what it is told at each start
//	nova.status.TENANT.INSTANCE.log         what its application writes
//	nova.init.SHA.ARCH[.ATTEMPT]            process 1 of containers
//	nova.base.RANDOM[.ATTEMPT].FORMAT       an image; with ".map" appended, the map of its blocks
//	nova.warm.RANDOM.KIND                   a warm snapshot: its disk, its memory, and what it is made with
//	nova.clock.TENANT.RANDOM.PROCESS        created to tell the pool's time, and deleted at once
//	nova.KIND.KEY.REVISION.json             a document of the catalog; that of the key "id" is its id
package naming

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

const (
	// DefaultTenant is the tenant of users who name none. The names of its domains omit it.
	DefaultTenant = "default"
	// InstanceNamespace is the XML namespace of an instance's facts in the metadata of its domain.
	InstanceNamespace = "urn:novacron:instance:1"

	own      = "nova."
	disks    = own + "disk."
	seeds    = own + "seed."
	consoles = own + "console."
	mounted  = own + "c."
	statuses = own + "status."
	inits    = own + "init."
	bases    = own + "base."
	warms    = own + "warm."
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

// IsDomainOf reports whether a domain's name is one that Domain gives to instances of the tenant.
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

// What belongs to a container has no name that an earlier provider gives to a machine's volume: it does
// not see containers, and removes what it takes for the remains of a machine of that name.

// Status is the volume of what an instance's container reports of itself.
func Status(tenant, instance string) string { return statuses + tenant + "." + instance + ".page" }

// Configuration is the volume of what an instance's container is told.
func Configuration(tenant, instance string) string {
	return statuses + tenant + "." + instance + document
}

// Log is the volume of what the application of an instance's container writes.
func Log(tenant, instance string) string { return statuses + tenant + "." + instance + ".log" }

// Init is the volume of one attempt, from 1 on, to send process 1 of containers. sum is the hexadecimal
// digest of the program, and architecture is "amd64" or "arm64".
func Init(sum, architecture string, attempt int) string {
	volume := inits + sum + "." + architecture
	if attempt > 1 {
		volume = fmt.Sprintf("%s.%d", volume, attempt)
	}
	return volume
}

// IsInit reports whether a volume is named like process 1 of containers.
func IsInit(volume string) bool { return strings.HasPrefix(volume, inits) }

// InitSum is the hexadecimal digest of the program in a volume that Init names.
func InitSum(volume string) string {
	sum, _, _ := strings.Cut(strings.TrimPrefix(volume, inits), ".")
	return sum
}

// MaxMounted is how many bytes the path of a file may have that libvirt mounts into a container by a loop
// device: the kernel keeps that many of its name, less the NUL (LO_NAME_SIZE in linux/loop.h), and libvirt
// refuses a longer one.
const MaxMounted = 63

// MaxContainerDisk is how many bytes the name of a volume of ContainerDisk has at most.
const MaxContainerDisk = len(mounted) + tenantHash + 1 + instanceHash + 1 + 1 + partHash

const (
	tenantHash   = 6
	instanceHash = 10
	partHash     = 5
)

// ContainerDisk is the volume of a disk of an instance's container. Its name is short because its path
// may not have more than MaxMounted bytes. kind is a letter that says what the disk is, and of is what
// distinguishes it from others of the kind; "" for nothing.
func ContainerDisk(tenant, instance string, kind byte, of string) string {
	name := containerPrefix(tenant, instance) + string(kind)
	if of != "" {
		name += hash(of, partHash)
	}
	return name
}

// TenantHash stands for a tenant in the names of ContainerDisk.
func TenantHash(tenant string) string { return hash(tenant, tenantHash) }

// containerPrefix begins the names of the disks of an instance's container.
func containerPrefix(tenant, instance string) string {
	return mounted + TenantHash(tenant) + "." + hash(tenant+"/"+instance, instanceHash) + "."
}

// hash is the beginning of a digest of a text, of letters and digits.
func hash(text string, length int) string {
	sum := sha256.Sum256([]byte(text))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:length])
}

// Console is the volume of an instance's console.
func Console(tenant, instance string) string { return consoles + tenant + "." + instance + ".log" }

// ResumedMemory is the volume with the memory of an instance while its guest is being resumed.
func ResumedMemory(tenant, instance string) string { return Disk(tenant, instance, "memory", "save") }

// InstancePrefixes are the starts of the names of all volumes of an instance.
func InstancePrefixes(tenant, instance string) []string {
	owner := tenant + "." + instance + "."
	return []string{disks + owner, seeds + owner, consoles + owner, statuses + owner,
		containerPrefix(tenant, instance)}
}

// IsOfContainer reports whether a volume is named like one that only containers have: a disk, or what a
// container reports. The library's pool has one of them as long as there is a container, but for the
// moment in which it is created.
func IsOfContainer(volume string) bool {
	return strings.HasPrefix(volume, mounted) || strings.HasPrefix(volume, statuses)
}

// IsOfContainerNamed is IsOfContainer for the container of an instance.
func IsOfContainerNamed(tenant, instance, volume string) bool {
	return strings.HasPrefix(volume, containerPrefix(tenant, instance)) || volume == Status(tenant, instance)
}

// InstanceOf is the tenant and the instance whose domain has that name. Other domains may have such a name,
// too.
func InstanceOf(domain string) (tenant, instance string) {
	if owner, name, dotted := strings.Cut(domain, "."); dotted {
		return owner, name
	}
	return DefaultTenant, domain
}

// IsOwn reports whether a volume is named like one of novacron's.
func IsOwn(volume string) bool { return strings.HasPrefix(volume, own) }

// IsDisk reports whether a volume is named like an instance's disk.
func IsDisk(volume string) bool {
	return strings.HasPrefix(volume, disks) || strings.HasPrefix(volume, mounted)
}

// IsDiskOf reports whether a volume is named like a disk of an instance of the tenant.
func IsDiskOf(tenant, volume string) bool {
	return strings.HasPrefix(volume, disks+tenant+".") ||
		strings.HasPrefix(volume, mounted+TenantHash(tenant)+".")
}

// IsBase reports whether a volume is named like an image, or like the map of one.
func IsBase(volume string) bool {
	return strings.HasPrefix(volume, bases) && !strings.HasSuffix(volume, document)
}

// MayBeImage reports whether a volume of that name may hold a disk image: documents, seeds, statuses,
// console logs and programs never do, and nothing may be made of a part of a warm snapshot.
func MayBeImage(volume string) bool {
	return !strings.HasSuffix(volume, document) && !strings.HasPrefix(volume, seeds) &&
		!strings.HasPrefix(volume, consoles) && !strings.HasPrefix(volume, warms) &&
		!strings.HasPrefix(volume, statuses) && !strings.HasPrefix(volume, inits)
}

// OtherTenant reports whether a volume is named like one of another tenant, whose instance may be
// long gone. Images, warm snapshots and the process 1 of containers belong to no tenant.
func OtherTenant(tenant, volume string) bool {
	parts := strings.Split(volume, ".")
	if strings.HasPrefix(volume, mounted) {
		tenant = TenantHash(tenant)
	}
	return len(parts) > 3 && IsOwn(volume) && !strings.HasPrefix(volume, bases) &&
		!strings.HasPrefix(volume, warms) && !IsInit(volume) && parts[2] != tenant
}

// NewBaseStem returns the start of the names of the volumes that one registration may send its
// image to. No two registrations share one.
func NewBaseStem() string { return bases + random()[:baseLetters] }

// baseLetters is how many random letters the name of an image has: 70 bits. The path of a container's
// image may not have more than MaxMounted bytes.
const baseLetters = 14

// Base is the volume of one attempt, from 1 on, to send an image. Each attempt has a name of its
// own, so that a later one is not mistaken for one whose process died.
func Base(stem string, attempt int, format string) string {
	if attempt > 1 {
		stem = fmt.Sprintf("%s.%d", stem, attempt)
	}
	return stem + "." + format
}

// IsOfStem reports whether a volume is named with a stem: it is one that Base names, or its map, or a
// part of a warm snapshot.
func IsOfStem(stem, volume string) bool { return strings.HasPrefix(volume, stem+".") }

// BlockMap is the volume of the map that belongs to a base's volume.
func BlockMap(base string) string { return base + blockMap }

// BaseOf is the base's volume that a volume is, or is the map of.
func BaseOf(volume string) string { return strings.TrimSuffix(volume, blockMap) }

// NewWarmStem returns the start of the names of the volumes of a new warm snapshot. No two share
// one. It is also the name of the domain whose guest is saved.
func NewWarmStem() string { return warms + random() }

// WarmDisk is the volume of a warm snapshot's disk.
func WarmDisk(stem string) string { return stem + ".qcow2" }

// IsWarmDisk reports whether a volume is named like the disk of a warm snapshot.
func IsWarmDisk(volume string) bool { return IsWarm(volume) && volume == WarmDisk(WarmStem(volume)) }

// WarmStem is the stem of a part of a warm snapshot.
func WarmStem(part string) string {
	rest := strings.TrimPrefix(part, warms)
	if dot := strings.IndexByte(rest, '.'); dot >= 0 {
		rest = rest[:dot]
	}
	return warms + rest
}

// WarmMemory is the volume of a warm snapshot's memory.
func WarmMemory(stem string) string { return stem + ".save" }

// WarmSeed is the volume of the seed that a warm snapshot is made with.
func WarmSeed(stem string) string { return stem + ".iso" }

// WarmConsole is the volume of the console of the guest that a warm snapshot is made of.
func WarmConsole(stem string) string { return stem + ".log" }

// IsWarm reports whether a volume or a domain is named like a part of a warm snapshot.
func IsWarm(name string) bool {
	return strings.HasPrefix(name, warms) && !strings.HasSuffix(name, document)
}

// NewClock is the volume of one reading of a pool's clock, with the mark of the process that
// creates it; see lease.Mark.
func NewClock(tenant, mark string) string {
	return strings.TrimSuffix(clocks+tenant+"."+random()+"."+mark, ".")
}

// ClockMark is the mark of the process that created a volume to tell the time. It is "" for a
// process that has none, such as one of an earlier release.
func ClockMark(volume string) string {
	parts := strings.Split(strings.TrimPrefix(volume, clocks), ".")
	if !IsClock(volume) || len(parts) != 3 {
		return ""
	}
	return parts[2]
}

// IsClock reports whether a volume was created to tell the time.
func IsClock(volume string) bool { return strings.HasPrefix(volume, clocks) }

func random() string { return strings.ToLower(rand.Text()) }
