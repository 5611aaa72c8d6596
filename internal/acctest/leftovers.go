package acctest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Leftovers lists what is on the host with marker in its name: domains as "domain NAME", volumes of
// the pool as "volume POOL/NAME", files in the pool's directory that are no volumes as "file PATH".
// It is empty when a test has cleaned up, or when the pool does not exist. The pool is refreshed
// first.
//
// Records of requests are not among them, since they outlive what was asked for. Nor are leases:
// dnsmasq keeps the lease of a guest that is gone until it expires. See Leases.
func (h *Host) Leftovers(t testing.TB, pool, marker string) []string {
	t.Helper()
	var left []string
	domains, pools, _ := strings.Cut(h.Virsh(t, "list --all --name; echo ==; pool-list --all --name"), "==")
	for domain := range strings.FieldsSeq(domains) {
		if strings.Contains(domain, marker) {
			left = append(left, "domain "+domain)
		}
	}
	if !slices.Contains(strings.Fields(pools), pool) {
		return left
	}

	list, definition := h.refreshed(t, pool)
	var volumes []string
	for line := range strings.Lines(list) {
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
	for _, file := range h.poolFiles(t, definition) {
		if strings.Contains(file, marker) && !slices.Contains(volumes, file) && !record(file) {
			left = append(left, "file "+file)
		}
	}
	return left
}

// refreshed gives the list of a pool's volumes after a refresh, and the pool's definition, all by
// one virsh. libvirt refuses to refresh as long as it clones or allocates a volume in the pool,
// which another test may have asked for.
func (h *Host) refreshed(t testing.TB, pool string) (volumes, definition string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out, err := h.run(t, "virsh", "--quiet", "--connect", "qemu:///system", fmt.Sprintf("pool-refresh %[1]s; vol-list %[1]s; echo ==; pool-dumpxml %[1]s", pool))
		if err == nil {
			volumes, definition, _ = strings.Cut(out, "==")
			return volumes, definition
		}
		if !strings.Contains(err.Error(), "asynchronous jobs") || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Leases lists the DHCP leases of a network with marker in one of their columns (MAC address,
// address, host name), one line of virsh net-dhcp-leases each.
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
func (h *Host) poolFiles(t testing.TB, definition string) []string {
	t.Helper()
	var pool struct {
		Path string `xml:"target>path"`
	}
	if err := xml.Unmarshal([]byte(definition), &pool); err != nil {
		t.Fatalf("reading the definition of a pool: %v\n%s", err, definition)
	}
	if pool.Path == "" {
		return nil
	}
	entries, err := os.ReadDir(h.HostPath(pool.Path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("listing the directory of a pool: %v", err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
