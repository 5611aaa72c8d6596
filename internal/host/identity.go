package host

// MemoryHeadBegins is how many bytes of a file Memory.MemoryHeadSize needs.
const MemoryHeadBegins = 128

// SavedGuest is what the head of a file says of the guest whose memory is in it.
type SavedGuest struct {
	Machine string // the machine type, in full: pc-i440fx-7.2
}

// Identity is what makes a guest that is resumed from the memory of another one a guest of its own.
// What it does not name stays as the memory needs it: the machine, its processor and its devices.
type Identity struct {
	Name        string
	UUID        string
	Description string
	Metadata    string // one XML element in its own namespace; empty for none
	// CPU is the processor of the definition, as in DomainSpec, for when the guest boots again. The
	// memory keeps the one that it was saved with, which may be what the host has made of this.
	CPU   string
	GenID string // UUID of this generation of the machine, which the guest sees if the machine shows one
	// Disks are the paths of the disks' volumes, by the names of the disks. They have to be of the
	// format of those that they replace.
	Disks map[string]string
	// Seed is the path of the medium in the drive for the seed; empty for an empty drive.
	Seed       string
	ConsoleLog string // path on the host of a log of the serial console; empty for none
	// Interfaces connect the interfaces of the same names, with MAC addresses of their own.
	Interfaces []InterfaceSpec
}
