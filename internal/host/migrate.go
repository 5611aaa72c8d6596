package host

import (
	"context"
	"time"
)

// Migrator moves guests to other hosts while they run. The hosts send each other the memory and the
// disks: nothing of that goes through this program.
type Migrator interface {
	// RunningDefinition returns what a guest is that runs, in the host's own words and for another host.
	// It returns ErrOperationInvalid if the guest does not run. It makes two requests.
	RunningDefinition(ctx context.Context, uuid string) (string, error)
	// Unable returns why the host cannot run the guest that another host has described by
	// RunningDefinition, because of its machine or the model of its processor: a phrase; "" if the host
	// says nothing against it. It makes one request.
	Unable(ctx context.Context, running string) (why string, err error)
	// Migrate moves a guest that runs to another host, and waits for that as long as ctx allows, if it
	// gets on. The other host has the domain, off, and a volume for each of its disks: as large as the
	// disk, and empty but for what the disk stands on. If Migrate succeeds, the other host runs the guest,
	// and the domain is off on this one.
	//
	// If ctx ends, or nothing is sent for StallTime, Migrate has this host give the move up. Whatever its
	// error is, Passage says what has come of the guest: the hosts go on without the caller.
	Migrate(ctx context.Context, uuid string, m Migration) error
	// Passage returns what a guest that is, or was, on its way between this host and another one does
	// here, or ErrNoDomain. It sees a guest as sending until the other host runs it for certain. It makes
	// two requests, one after the other.
	Passage(ctx context.Context, uuid string) (Passage, error)
	// AbortMigration has this host give up sending a guest, which then goes on here. It returns
	// ErrOperationInvalid if the host does not send it.
	AbortMigration(ctx context.Context, uuid string) error
}

// StallTime is how long a migration may send nothing before it is given up.
const StallTime = 2 * time.Minute

// Peer is how other hosts reach a host.
type Peer struct {
	URI string // of its libvirt
	// Data is where its QEMU listens for memory and disks, such as "tcp://10.0.0.1"; "" leaves it to
	// libvirt, which takes the host's name.
	Data string
}

// Migration is a guest's move to another host.
type Migration struct {
	To Peer
	// Definition is the domain's, as the other host has it. There it gets the Metadata of the Relocation
	// when the guest has arrived.
	Definition string
	Relocation
	Disks []string // targets ("vda") of the disks that are sent; the other host has the content of the rest
}

// Passage is what a guest does on one of two hosts between which it moves.
type Passage struct {
	State State
	// Sending means that the host sends the guest to another one.
	Sending bool
	Sent    uint64 // bytes, so far, while Sending
	// Halted means that the guest is paused because of the move: on the host that it goes to, it has not
	// arrived yet; on the one that it comes from, the other host may run it.
	Halted bool
	// Left means that the guest is off because another host has it, whichever that is. If the host has
	// forgotten that, Left is false.
	Left bool
}
