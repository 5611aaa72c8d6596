package ext4

import "encoding/binary"

const (
	superblockSize   = 1024
	superblockOffset = 1024 // in group 0; backups are at the beginning of their groups
)

// Features, by the names of the kernel's documentation.
const (
	compatHasJournal   = 0x4
	compatExtAttr      = 0x8
	compatDirIndex     = 0x20
	compatSparseSuper2 = 0x200

	incompatFiletype = 0x2
	incompatMetaBg   = 0x10
	incompatExtents  = 0x40
	incompat64Bit    = 0x80
	incompatFlexBg   = 0x200

	roSparseSuper  = 0x1
	roLargeFile    = 0x2
	roHugeFile     = 0x8
	roDirNlink     = 0x20
	roExtraIsize   = 0x40
	roMetadataCsum = 0x400
	roReadonly     = 0x1000
)

// What both kinds of file system have.
const (
	compatAll   = compatExtAttr | compatDirIndex
	incompatAll = incompatFiletype | incompatMetaBg | incompatExtents | incompat64Bit
	roAll       = roLargeFile | roHugeFile | roDirNlink | roExtraIsize | roMetadataCsum
)

const (
	magic              = 0xef53
	stateClean         = 1
	errorsContinue     = 1
	errorsReadOnly     = 2 // mount it read-only once something is found to be wrong
	revisionDynamic    = 1
	mountXattrAndACL   = 0x4 | 0x8
	flagUnsignedHash   = 0x2
	checksumCRC32C     = 1
	journalBackupBlock = 1
	neverByMounts      = -1 // no check is due after some mounts
)

// superblock is struct ext4_super_block.
type superblock struct {
	InodesCount        uint32 // 0x00
	BlocksCountLo      uint32
	ReservedBlocksLo   uint32
	FreeBlocksLo       uint32
	FreeInodes         uint32 // 0x10
	FirstDataBlock     uint32
	LogBlockSize       uint32
	LogClusterSize     uint32
	BlocksPerGroup     uint32 // 0x20
	ClustersPerGroup   uint32
	InodesPerGroup     uint32
	MountTime          uint32
	WriteTime          uint32 // 0x30
	MountCount         uint16
	MaxMountCount      int16
	Magic              uint16
	State              uint16
	Errors             uint16
	MinorRevision      uint16
	LastCheck          uint32 // 0x40
	CheckInterval      uint32
	CreatorOS          uint32
	Revision           uint32
	ReservedUID        uint16 // 0x50
	ReservedGID        uint16
	FirstInode         uint32
	InodeSize          uint16
	GroupNumber        uint16
	Compat             uint32
	Incompat           uint32 // 0x60
	ROCompat           uint32
	UUID               [16]byte
	Label              [MaxLabel]byte
	LastMounted        [64]byte
	_                  [6]byte
	ReservedDescBlocks uint16 // 0xce
	JournalUUID        [16]byte
	JournalInode       uint32 // 0xe0
	JournalDevice      uint32
	LastOrphan         uint32
	HashSeed           [4]uint32
	HashVersion        uint8
	JournalBackup      uint8
	DescSize           uint16
	MountOptions       uint32 // 0x100
	FirstMetaGroup     uint32
	MadeAt             uint32
	JournalBlocks      [17]uint32
	BlocksCountHi      uint32 // 0x150
	ReservedBlocksHi   uint32
	FreeBlocksHi       uint32
	MinExtraSize       uint16
	WantExtraSize      uint16
	Flags              uint32 // 0x160
	_                  [0x174 - 0x164]byte
	LogGroupsPerFlex   uint8
	ChecksumType       uint8
	_                  [0x24c - 0x176]byte
	BackupGroups       [2]uint32
	_                  [0x3fc - 0x254]byte
	Checksum           uint32
}

// counts are the sizes of a file system.
type counts struct {
	blocks, freeBlocks        int64
	inodesPerGroup, freeInode int64
}

func (c counts) groups() int64 { return (c.blocks + blocksPerGroup - 1) / blocksPerGroup }

// superblock has what both kinds of file system have.
func (id identity) superblock(c counts) superblock {
	return superblock{
		InodesCount:      uint32(c.groups() * c.inodesPerGroup),
		BlocksCountLo:    uint32(c.blocks),
		BlocksCountHi:    uint32(c.blocks >> 32),
		FreeBlocksLo:     uint32(c.freeBlocks),
		FreeBlocksHi:     uint32(c.freeBlocks >> 32),
		FreeInodes:       uint32(c.freeInode),
		LogBlockSize:     2, // 1024 << 2
		LogClusterSize:   2,
		BlocksPerGroup:   blocksPerGroup,
		ClustersPerGroup: blocksPerGroup,
		InodesPerGroup:   uint32(c.inodesPerGroup),
		MaxMountCount:    neverByMounts,
		Magic:            magic,
		State:            stateClean,
		Errors:           errorsContinue,
		Revision:         revisionDynamic,
		FirstInode:       firstInode,
		InodeSize:        inodeSize,
		Compat:           compatAll,
		Incompat:         incompatAll,
		ROCompat:         roAll,
		UUID:             id.uuid,
		Label:            id.label,
		HashSeed:         id.hashSeed,
		HashVersion:      hashTEA,
		DescSize:         descSize,
		MountOptions:     mountXattrAndACL,
		MinExtraSize:     extraSize,
		WantExtraSize:    extraSize,
		Flags:            flagUnsignedHash,
		ChecksumType:     checksumCRC32C,
	}
}

// encode returns the superblock's bytes, with its checksum.
func (s superblock) encode() []byte {
	data, err := binary.Append(nil, le, s)
	if err != nil {
		panic(err) // all fields have a size
	}
	le.PutUint32(data[superblockSize-4:], uint32((^sum(0)).over(data[:superblockSize-4])))
	return data
}
