package container

import (
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// devices are what libvirt calls interfaces of a container. Those that it has keep their names, by MAC
// addresses in lower case; each other one gets the first of eth0, eth1, … that is free.
func devices(nics []profile.NIC, has map[string]string) []string {
	names, taken := make([]string, len(nics)), map[string]bool{"": true}
	for n, nic := range nics {
		names[n] = has[strings.ToLower(nic.MAC)]
		taken[names[n]] = true
	}
	for n, next := 0, 0; n < len(names); n++ {
		for names[n] == "" {
			if device := "eth" + strconv.Itoa(next); !taken[device] {
				names[n] = device
			}
			next++
		}
	}
	return names
}

// volumePath is where a volume of the library's pool is.
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
