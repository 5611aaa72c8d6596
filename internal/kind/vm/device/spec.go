package device

import (
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// rotations are the rotation rates that guests are told by the type of a disk. For a disk without a
// type, they are told nothing.
var rotations = map[string]uint{profile.SSD: 1, profile.HDD: 7200}

// Type is the type of a disk as its host has it, "" for none.
func Type(disk host.DomainDisk) string {
	switch disk.Rotation {
	case 0:
		return ""
	case rotations[profile.SSD]:
		return profile.SSD
	}
	return profile.HDD
}

// Spec is the disk of a drive at the nth place.
func Spec(drive profile.Drive, n int, path, format string) host.DiskSpec {
	return host.DiskSpec{
		Name: drive.Name, Target: Target(n, drive.Type != ""), Path: path, Format: format,
		Rotation: rotations[drive.Type], KeepsDiscarded: drive.Type == profile.HDD,
	}
}

// Target names the nth disk as Linux names its disks: vda … vdz, vdaa … for virtio-blk. Those on
// virtio-scsi have sd for vd, and begin at b: a is the seed's.
func Target(n int, scsi bool) string {
	bus := "vd"
	if scsi {
		bus = "sd"
		n++
	}
	letters := ""
	for n++; n > 0; n = (n - 1) / 26 {
		letters = string(rune('a'+(n-1)%26)) + letters
	}
	return bus + letters
}

// Place is the n of a Target. The host lists disks by bus.
func Place(target string) int {
	n := 0
	for _, letter := range target[min(2, len(target)):] {
		n = 26*n + int(letter-'a') + 1
	}
	if strings.HasPrefix(target, "sd") {
		n--
	}
	return n - 1
}

// InterfaceSpecs describe interfaces.
func InterfaceSpecs(nics []profile.NIC) []host.InterfaceSpec {
	specs := make([]host.InterfaceSpec, len(nics))
	for i, nic := range nics {
		specs[i] = host.InterfaceSpec{
			Name: nic.Name, Model: nic.Model, Network: nic.Network, Bridge: nic.Bridge, MAC: nic.MAC,
			VLAN: uint(nic.VLAN), Filter: nic.Filter,
		}
		// Without known addresses, such a filter lets the first address pass that the guest uses.
		for _, address := range nic.IP.Addresses {
			if nic.Filter != "" && address.Addr().Is4() {
				specs[i].FilterIPs = append(specs[i].FilterIPs, address.Addr().String())
			}
		}
	}
	return specs
}

// DataFormat is the format of blank disks.
const DataFormat = "qcow2"
