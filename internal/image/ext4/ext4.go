// Package ext4 writes file systems without mounting anything: bases, which hold the entries of a
// tar and are read only, and uppers, which are empty and writable. Linux alone gives the rules, in
// https://docs.kernel.org/filesystems/ext4/; this package writes the part of the format that it
// needs, and reads nothing.
//
// Both kinds have blocks of 4096 bytes, inodes of 256 bytes, checksums of all metadata, extents,
// and 64-bit block numbers. Descriptors of groups lie in the groups that they describe (meta_bg),
// so that no size has to be reserved for them.
package ext4

import (
	"context"
	"encoding/binary"
	"io"
)

// Format is the version of what this package writes. The bytes of a file system follow from it, the
// entries and the options. It rises with each change of those bytes.
const Format = 1

// BlockSize divides the size of every file system, in bytes.
const BlockSize = 4096

const (
	inodeSize      = 256
	inodesPerBlock = BlockSize / inodeSize
	blocksPerGroup = 8 * BlockSize // as many as one block of a bitmap has bits
	maxGroupInodes = 8 * BlockSize
	descSize       = 64
	descsPerBlock  = BlockSize / descSize // groups whose descriptors are in one block

	rootInode    = 2
	journalInode = 8
	firstInode   = 11 // after those that the format reserves
)

// Sink is where the bytes of a file system go: see transfer.Sink.
type Sink interface {
	WriteAt(ctx context.Context, r io.Reader, offset, length int64) error
}

var le = binary.LittleEndian

// roundUp returns the least multiple of unit that is not less than n.
func roundUp(n, unit int64) int64 { return (n + unit - 1) / unit * unit }

// blocksFor is how many blocks hold that many bytes.
func blocksFor(bytes int64) int64 { return (bytes + BlockSize - 1) / BlockSize }
