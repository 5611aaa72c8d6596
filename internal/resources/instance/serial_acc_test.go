package instance_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// A guest knows each disk by its name, however it calls the device. udev creates
// /dev/disk/by-id/virtio-NAME from the serial number of a virtio-blk disk, and
// scsi-0QEMU_QEMU_HARDDISK_NAME from the device identification page (83h) of a SCSI disk.
func TestAccGuestsKnowDisksByTheirNames(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("serial")
	t.Parallel()
	w := newWorkspace(t, host, name, shop(name, acctest.TinyImage(t)))
	domain := name + "-it"
	w.instances(t, instance("it", domain, `wait_for = ["agent"]`, `storage_profile = { disks = {
    data = { size_gb = 1 }, a-name-of-more-than-20-bytes = { size_gb = 2 }
    logs = { size_gb = 3, type = "hdd" }, cache = { size_gb = 4, type = "ssd" }
  } }`))
	w.Apply(t)
	const (
		virtio = "cd /sys/block; for d in vd*; do echo $(($(cat $d/size) / 2097152))=$(cat $d/serial); done | sort " +
			"-n | tail -n 2 | xargs"
		scsi = "cd /sys/block; for d in sd*; do for p in 80 83; do echo $(($(cat $d/size) / 2097152))=$(tr -cd " +
			"A-Za-z0-9_- <$d/device/vpd_pg$p); done; done | sort -n | xargs"
	)
	guestHas(t, host, domain, virtio, "1=data 2=a-name-of-more-than-")
	guestHas(t, host, domain, scsi, "3=logs 3=logs 4=cache 4=cache")
}
