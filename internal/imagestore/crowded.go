package imagestore

import (
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// crowdedFrom is from how many volumes on a pool counts as nearly full: 80 % of what can be listed.
const crowdedFrom = host.MostVolumes * 8 / 10

// Crowded is a warning, for a plan that adds volumes to the pool, if the pool has nearly as many as can be listed. It
// warns once a process, and makes no request: it knows what this process has listed for other reasons. It returns the
// zero Finding if there is nothing to warn about.
func (st *Store) Crowded() finding.Finding {
	if st.index == nil {
		return finding.Finding{}
	}
	n := st.index.Listed()
	if n < crowdedFrom || !st.crowded.CompareAndSwap(false, true) {
		return finding.Finding{}
	}
	return finding.Finding{Summary: "Storage pool has many volumes", Detail: fmt.Sprintf("The %s has %d volumes, "+
		"and libvirt lists at most %d. With more, nothing in it can be found any more, and no plan or apply "+
		"works. Images, disks and documents are volumes. Remove versions and instances that nobody needs, keep "+
		"other files out of the pool, or use further pools: storage_tiers for disks, and further hosts.",
		st.pool, n, host.MostVolumes)}
}
