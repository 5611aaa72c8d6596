package device

import "testing"

func TestDiskTargetsCountAsLinuxDoes(t *testing.T) {
	for n, want := range map[int]string{
		0:   "vda",
		1:   "vdb",
		25:  "vdz",
		26:  "vdaa",
		27:  "vdab",
		51:  "vdaz",
		52:  "vdba",
		701: "vdzz",
		702: "vdaaa",
	} {
		if got := Target(n, false); got != want {
			t.Errorf("disk %d is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "sdb", 24: "sdz", 25: "sdaa"} {
		if got := Target(n, true); got != want {
			t.Errorf("disk %d on virtio-scsi is %s, want %s", n, got, want)
		}
	}
	for n := range 800 {
		for _, scsi := range []bool{true, false} {
			if got := Place(Target(n, scsi)); got != n {
				t.Errorf("%s is taken for disk %d, and is %d", Target(n, scsi), got, n)
			}
		}
	}
}
