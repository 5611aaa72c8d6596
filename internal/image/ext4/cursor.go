package ext4

// cursor hands out blocks from the front to the back. It leaves out those that are not for data:
// the superblock, and the blocks with descriptors.
type cursor struct {
	next int64
	gaps []gap
}

// gap is a row of blocks that are left out, though they are for data.
type gap struct{ start, count int64 }

// reserved reports whether a block is not for data, in a base.
func reserved(block int64) bool {
	number, in := block/blocksPerGroup, block%blocksPerGroup
	if number == 0 {
		return in <= 1
	}
	return in == 0 && hasDescriptors(number)
}

// nextReserved is the first block after the given one that is not for data.
func nextReserved(block int64) int64 {
	for number := block/blocksPerGroup + 1; ; number++ {
		if hasDescriptors(number) {
			return number * blocksPerGroup
		}
	}
}

// take returns the next blocks that lie together: count, or fewer if one that is reserved follows.
func (c *cursor) take(count int64) (start, taken int64) {
	for reserved(c.next) {
		c.next++
	}
	start = c.next
	taken = min(count, nextReserved(start)-start)
	c.next += taken
	return start, taken
}

// takeTogether returns count blocks that lie together. It leaves a gap if need be.
func (c *cursor) takeTogether(count int64) (start int64) {
	for {
		start, taken := c.take(count)
		if taken == count {
			return start
		}
		c.gaps = append(c.gaps, gap{start, taken})
	}
}
