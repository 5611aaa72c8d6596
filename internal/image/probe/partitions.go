package probe

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// partition is an entry of a partition table, in sectors.
type partition struct {
	first  uint64
	system bool // an EFI system partition
}

// unused is the type of an unused entry of a GPT.
var unused [16]byte

// gptSystem is the type of an EFI system partition (UEFI 2.10, section 5.3.3), in its on-disk form.
var gptSystem = []byte("\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b")

// partitions lists the partitions of the tables at the beginning of a disk, as far as the head has
// them.
func partitions(head []byte) []partition {
	return append(mbrPartitions(head), gptPartitions(head)...)
}

// mbrPartitions reads a master boot record: four entries from byte 446 on, with status, type, first
// sector and length. The entry that protects a GPT is left out.
func mbrPartitions(head []byte) (list []partition) {
	const entries, size, protective, system = 446, 16, 0xee, 0xef
	if !(mark{510, "\x55\xaa"}).in(head) {
		return nil
	}
	for entry := range slices.Chunk(head[entries:510], size) {
		if entry[0]&0x7f != 0 { // neither bootable nor not: it is not a table
			return nil
		}
		if length := binary.LittleEndian.Uint32(entry[12:]); length > 0 && entry[4] != protective {
			list = append(list, partition{uint64(binary.LittleEndian.Uint32(entry[8:])), entry[4] == system})
		}
	}
	return list
}

// gptPartitions reads a GUID partition table (UEFI 2.10, section 5.3).
func gptPartitions(head []byte) (list []partition) {
	for _, sector := range []uint64{512, 4096} {
		if !(mark{int(sector), "EFI PART"}).in(head) || uint64(len(head)) < sector+92 {
			continue
		}
		header := head[sector:]
		at, count := binary.LittleEndian.Uint64(header[72:]), binary.LittleEndian.Uint32(header[80:])
		size := uint64(binary.LittleEndian.Uint32(header[84:]))
		if at > uint64(len(head)) || size < 128 {
			continue
		}
		for offset := at * sector; count > 0 && offset+size <= uint64(len(head)); offset, count = offset+size, count-1 {
			entry := head[offset : offset+size]
			if kind := entry[:16]; !bytes.Equal(kind, unused[:]) {
				list = append(list, partition{
					binary.LittleEndian.Uint64(entry[32:]) * sector / 512, bytes.Equal(kind, gptSystem),
				})
			}
		}
	}
	return list
}

// compactDisc is the mark of ECMA-119, in the first volume descriptor.
var compactDisc = mark{32769, "CD001"}

// isCD distinguishes an image of a CD from a disk to which a CD was written before: the mark
// remains if neither the partition table nor a file system overwrites it. Images of CDs that also
// boot from USB sticks have a partition table, with a partition for the CD itself: it begins with
// the first sector, or just before the volume descriptor, and some tools put it after the table. On
// a disk, nothing begins there. The EFI system partition of a CD can be anywhere.
func isCD(head []byte) bool {
	if !compactDisc.in(head) {
		return false
	}
	for _, m := range fileSystems {
		if m.in(head) {
			return false
		}
	}
	disk := false
	for _, p := range partitions(head) {
		switch {
		case p.first == 0, p.first == 1, p.first == 64:
			return true
		case !p.system:
			disk = true
		}
	}
	return !disk
}
