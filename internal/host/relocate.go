package host

import "context"

// Relocator takes the definition of a domain from one host to another.
type Relocator interface {
	// Definition returns the whole definition of a domain, in the host's own words, or ErrNoDomain. If the
	// domain runs, it is the definition for its next start. It makes one request.
	Definition(ctx context.Context, uuid string) (string, error)
	// DefineRelocated defines a domain by the definition that another host has given of it, without
	// starting it. Everything stays as it was there, also what other tools have added, except for what the
	// Relocation changes and for what belongs to a host: the paths of the emulator and the firmware. EFI
	// variables begin as those of a new domain. It is an error if the domain has a disk whose file the
	// Relocation does not name. If another domain has the name or the UUID, it returns ErrExists; the
	// caller has made sure that no domain has both. step.MayBeDone says of an error of step.Uninterrupted
	// that the domain may be there all the same.
	DefineRelocated(ctx context.Context, definition string, r Relocation) (Domain, error)
}

// Relocation is what a domain's definition gets on another host.
type Relocation struct {
	Name, UUID string            // of the domain, as its definition has them
	Files      map[string]string // paths of disks, media and logs on this host, by their paths on the other
	Metadata   string            // one XML element in its own namespace
}
