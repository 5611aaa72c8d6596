// Package overlay writes qcow2 images that are based on another image and hold only what differs
// from it. The format is QEMU's, docs/interop/qcow2.txt.
package overlay

const (
	clusterBits   = 16
	refcountOrder = 4 // 2^4 bits each
	// ClusterSize is how much of the disk one cluster holds, in bytes.
	ClusterSize = 1 << clusterBits
	// DataOffset is where the data begins in the file, after the cluster of the header.
	DataOffset = ClusterSize

	perL2    = ClusterSize / 8 // clusters that one L2 table maps
	perRefs  = ClusterSize / 2 // clusters whose reference counts are in one block, 16 bits each
	perTable = ClusterSize / 8 // blocks of reference counts that one cluster of their table leads to
	copied   = 1 << 63         // a cluster that nothing else refers to, as is true of all
	allZeros = 1               // a cluster that reads as zeros, regardless of the image below
	maxName  = 1023            // bytes of the name of the image below
	maxL1    = (32 << 20) / 8  // entries, as QEMU opens
	sector   = 512             // divides the size of every disk
)

// Changes are what an overlay holds. Clusters are added in the order of the disk.
type Changes struct {
	runs []run
	data int64 // clusters
}

// run is a row of clusters of the disk that are all data, one after the other in the file, or all
// zeros.
type run struct {
	first, count int64
	zeros        bool
	at           int64 // the number of the first one among the data
}

// Data records that the next cluster of data in the file is that cluster of the disk.
func (c *Changes) Data(cluster int64) {
	c.add(cluster, false)
	c.data++
}

// Zeros records that a cluster of the disk is zeros, where the image below may have something else.
func (c *Changes) Zeros(cluster int64) { c.add(cluster, true) }

func (c *Changes) add(cluster int64, zeros bool) {
	if last := len(c.runs) - 1; last >= 0 {
		if r := &c.runs[last]; r.zeros == zeros && r.first+r.count == cluster {
			r.count++
			return
		}
	}
	c.runs = append(c.runs, run{first: cluster, count: 1, zeros: zeros, at: c.data})
}

// regions lists the stretches of the disk that need an L2 table, by their number.
func (c *Changes) regions() []int64 {
	var list []int64
	for _, r := range c.runs {
		for n := r.first / perL2; n <= (r.first+r.count-1)/perL2; n++ {
			if len(list) == 0 || list[len(list)-1] < n {
				list = append(list, n)
			}
		}
	}
	return list
}
