package ext4

import "hash/crc32"

// sum is a CRC-32C that goes on over several pieces, as the format has it: it is not inverted at
// either end.
type sum uint32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// over returns the sum after some more bytes.
func (s sum) over(data []byte) sum { return sum(^crc32.Update(^uint32(s), castagnoli, data)) }

// over32 is over for a number.
func (s sum) over32(n uint32) sum { return s.over(le.AppendUint32(nil, n)) }

// over64 is over for a number.
func (s sum) over64(n uint64) sum { return s.over(le.AppendUint64(nil, n)) }

// ofInode begins the sums of an inode and of its blocks. Inodes have no generations here.
func (s sum) ofInode(number uint32) sum { return s.over32(number).over32(0) }
