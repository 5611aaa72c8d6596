package hypervisor

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestZZLeak(t *testing.T) {
	h, pool, _ := realPool(t)
	ctx := t.Context()
	must[Volume](t)(h.CreateVolume(ctx, pool, VolumeSpec{Name: "d", Format: "raw", Capacity: 1000}))
	h.WriteVolume(ctx, pool, "d", make([]byte, 1000))
	pid := strings.TrimSpace(string(must[[]byte](t)(os.ReadFile(os.Getenv("NOVACRON_TESTHOST_ROOT") + "/run/libvirtd.pid"))))
	count := func() string {
		e, _ := os.ReadDir("/proc/" + pid + "/fd")
		th, _ := os.ReadDir("/proc/" + pid + "/task")
		return strconv.Itoa(len(e)) + " fds " + strconv.Itoa(len(th)) + " threads"
	}
	t.Log(count())
	for i := range 300 {
		if _, err := h.ReadVolume(ctx, pool, "d", []int64{999, 1000, 5000}[i%3]); err != nil && i%3 != 0 {
			t.Fatal(i, err)
		}
		if i%100 == 99 {
			t.Log(count())
		}
	}
	h.Close()
	t.Log(count())
}
