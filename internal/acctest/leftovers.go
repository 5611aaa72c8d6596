package acctest

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Leftovers lists what is on the host with marker in its name: domains as "domain NAME", volumes of the pool as
// "volume POOL/NAME", files in the pool's directory that are no volumes as "file PATH". It is empty when a test has
// cleaned up, or when the pool does not exist. The pool is refreshed first.
//
// Records of requests are not among them, since they outlive what was asked for. Nor are leases: dnsmasq keeps the lease of a guest that is gone until it expires. See Leases.
func (h *Host) Leftovers(t testing.TB, pool, marker string) []string {
	t.Helper()
	var left []string
	for domain := range strings.FieldsSeq(h.Virsh(t, "list", "--all", "--name")) {
		if strings.Contains(domain, marker) {
			left = append(left, "domain "+domain)
		}
	}
	if !slices.Contains(strings.Fields(h.Virsh(t, "pool-list", "--all", "--name")), pool) {
		return left
	}

	h.refreshPool(t, pool)
	var volumes []string
	for line := range strings.Lines(h.Virsh(t, "vol-list", pool)) {
		// Columns are name and path.
		if columns := strings.Fields(line); len(columns) > 0 {
			volumes = append(volumes, columns[0])
		}
	}
	record := func(name string) bool { return strings.HasPrefix(name, "nova.request.") }
	for _, volume := range volumes {
		if strings.Contains(volume, marker) && !record(volume) {
			left = append(left, "volume "+pool+"/"+volume)
		}
	}
	for _, file := range h.poolFiles(t, pool) {
		if strings.Contains(file, marker) && !slices.Contains(volumes, file) && !record(file) {
			left = append(left, "file "+file)
		}
	}
	return left
}

// refreshPool refreshes a pool. libvirt refuses as long as it clones or allocates a volume in it, which another test may
// have asked for.
func (h *Host) refreshPool(t testing.TB, pool string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, err := h.run(t, "virsh", "--quiet", "--connect", "qemu:///system", "pool-refresh", pool)
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "asynchronous jobs") || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Leases lists the DHCP leases of a network with marker in one of their columns (MAC address, address, host name), one
// line of virsh net-dhcp-leases each.
func (h *Host) Leases(t testing.TB, network, marker string) []string {
	t.Helper()
	var leases []string
	for line := range strings.Lines(h.Virsh(t, "net-dhcp-leases", network)) {
		if strings.Contains(line, marker) {
			leases = append(leases, strings.TrimSpace(line))
		}
	}
	return leases
}

// poolFiles lists the names in the directory of a pool; none for a pool that has no directory.
func (h *Host) poolFiles(t testing.TB, pool string) []string {
	t.Helper()
	var definition struct {
		Path string `xml:"target>path"`
	}
	if err := xml.Unmarshal([]byte(h.Virsh(t, "pool-dumpxml", pool)), &definition); err != nil {
		t.Fatalf("reading the definition of pool %s: %v", pool, err)
	}
	if definition.Path == "" {
		return nil
	}
	entries, err := os.ReadDir(h.HostPath(definition.Path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("listing the directory of pool %s: %v", pool, err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
