// Package image is what a disk image is: its format, its checksum, and what can be wrong with it.
// Its subpackages recognise images by their content, read their formats, and move their bytes. None
// of them knows libvirt or Terraform.
package image

import "strconv"

// Format is how a disk is laid out inside an image file, by the name that QEMU and libvirt give it.
type Format string

// The formats that can be stored; all others are refused by name.
const (
	FormatQcow2 Format = "qcow2"
	FormatRaw   Format = "raw"
)

const (
	// SectorSize divides the size of every disk, in bytes.
	SectorSize = 512
	// MaxDisk is how large a disk may be, in bytes (2 PiB). A linked clone is an overlay with clusters
	// of 64 KiB, and its L1 table, which QEMU limits to 32 MiB, reaches no farther.
	MaxDisk = 32 << 20 / 8 * (64 << 10 / 8) * (64 << 10)
	// MaxWindow is how far back, in bytes, compressed data may refer: a decompressor keeps that much
	// in memory. It is what xz -9 takes, and zstd up to --ultra -21.
	MaxWindow = 64 << 20
)

// Quote makes text from an image safe to show: it may contain anything, including terminal escapes.
func Quote(text string) string { return strconv.QuoteToASCII(text) }
