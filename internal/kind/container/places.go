package container

import (
	"strconv"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// device is what libvirt calls the nth interface of a container, from 0.
func device(n int) string { return "eth" + strconv.Itoa(n) }

// volume is where a volume of the library's pool is.
func volumePath(pool, volume string) string { return pool + "/" + volume }

// Places of the filesystems of a container; see package initd.
const (
	rootTarget   = "/"
	lowerTarget  = "/.nova/lower"
	memoryTarget = "/.nova/upper"
	disksTarget  = "/.nova/disks/"
	initTarget   = "/.nova/init"
	configTarget = "/.nova/config.json"
	statusTarget = "/.nova/status"
	logTarget    = "/.nova/log"
)

// Kinds of volumes that are mounted into a container, as naming.ContainerDisk takes them.
const (
	upperKind = 's' // what the container writes to
	copyKind  = 'b' // a copy of the image
	dataKind  = 'd' // a data disk
)

// diskVolume is the volume of an instance's data disk.
func diskVolume(tenant, instance, disk string) string {
	return naming.ContainerDisk(tenant, instance, dataKind, disk)
}
