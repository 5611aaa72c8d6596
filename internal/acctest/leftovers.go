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

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Leftovers lists everything on the host with marker in its name: machines and containers as "domain NAME", volumes
// of the pool as "volume POOL/NAME", and files in the pool's directory that are not volumes as
// "file PATH". The list is empty if a test has cleaned up. If the pool does not exist, the list has
// domains only. Leftovers refreshes the pool first.
//
// It omits records of requests and the ids of a catalog and of a pool, since they outlive what was asked
// for. It also omits DHCP leases, since dnsmasq keeps the lease of a removed guest until it expires; see Leases.
// Domains of warm snapshots have random names, so it omits those that have no disk in the pool.
func (h *Host) Leftovers(t testing.TB, pool, marker string) []string {
	t.Helper()
	var left []string
	all := strings.Split(h.Virsh(t, "pool-list --all --name; echo ==; list --all --name; echo ==; "+
		"connect lxc:///system; list --all --name"), "==")
	if len(all) != 3 {
		t.Fatalf("the lists of pools, machines and containers are %q", all)
	}
	pools := all[0]
	for domain := range strings.FieldsSeq(all[1] + all[2]) {
		if strings.Contains(domain, marker) && (!naming.IsWarm(domain) || h.hasDiskIn(t, domain, pool)) {
			left = append(left, "domain "+domain)
		}
	}
	if !slices.Contains(strings.Fields(pools), pool) {
		return left
	}

	list, definition := h.refreshed(t, pool)
	var volumes []string
	for line := range strings.Lines(list) {
		// The columns are name and path.
		if columns := strings.Fields(line); len(columns) > 0 {
			volumes = append(volumes, columns[0])
		}
	}
	record := func(name string) bool {
		return strings.HasPrefix(name, "nova.request.") || strings.HasPrefix(name, "nova.catalog.") ||
			strings.HasPrefix(name, "nova.pool.")
	}
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

// hasDiskIn reports whether a domain, unless it has gone meanwhile, has a disk in a pool. The
// directories of the tests' pools are named like the pools.
func (h *Host) hasDiskIn(t testing.TB, domain, pool string) bool {
	t.Helper()
	disks, err := h.run(t, "virsh", "--quiet", "--connect", "qemu:///system", "domblklist", domain)
	return err == nil && strings.Contains(disks, "/"+pool+"/")
}

// refreshed refreshes a pool, and returns the list of its volumes and its definition. One run of
// virsh does all of it. libvirt refuses to refresh a pool while it clones or allocates a volume
// there, which another test may have asked for, so refreshed tries again.
func (h *Host) refreshed(t testing.TB, pool string) (volumes, definition string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out, err := h.run(t, "virsh", "--quiet", "--connect", "qemu:///system",
			fmt.Sprintf("pool-refresh %[1]s; vol-list %[1]s; echo ==; pool-dumpxml %[1]s", pool))
		if err == nil {
			volumes, definition, _ = strings.Cut(out, "==")
			return volumes, definition
		}
		if !strings.Contains(err.Error(), "asynchronous jobs") || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Leases lists the DHCP leases of a network that have marker in a column (MAC address, address,
// host name), as lines of virsh net-dhcp-leases.
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

// poolFiles lists the names in the directory of a pool. It returns none if the pool has no
// directory.
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
