package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/initd/binary"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Programs returns the build of nova-init for an architecture as Go names it, such as "amd64", and its
// digest, "sha256:HEX". Package binary has it, with its errors.
type Programs func(architecture string) (data []byte, digest string, err error)

// architectures are libvirt's names of architectures, and Go's.
var architectures = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// inits keeps nova-init in a volume of the library's pool, which all containers mount. A volume is
// written by the process that created it, and by no other: a program that runs cannot be written to.
type inits struct {
	host      host.Host
	inventory *inventory.Inventory
	programs  Programs

	paths  *coalesce.Answers[string, string] // of complete volumes, by pools
	mu     sync.Mutex
	loaded map[string]program // by architecture
}

type program struct {
	text []byte
	sum  string // hexadecimal
}

func newInits(h host.Host, i *inventory.Inventory, programs Programs) *inits {
	return &inits{
		host: h, inventory: i, programs: programs, loaded: map[string]program{},
		paths: coalesce.NewAnswers[string, string](0),
	}
}

// architecture is the host's, as Go names it.
func (i *inits) architecture(ctx context.Context) (string, error) {
	info, err := i.inventory.Info(ctx)
	if err != nil {
		return "", err
	}
	if name, known := architectures[info.Arch]; known {
		return name, nil
	}
	return "", &binary.ArchitectureError{Architecture: info.Arch}
}

// program is nova-init for the host, with what follows it in its volume.
func (i *inits) program(ctx context.Context) (p program, architecture string, err error) {
	if architecture, err = i.architecture(ctx); err != nil {
		return p, "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if p, loaded := i.loaded[architecture]; loaded {
		return p, architecture, nil
	}
	text, sum, err := i.programs(architecture)
	if err != nil {
		return p, architecture, err
	}
	p = program{marked(text), strings.TrimPrefix(sum, "sha256:")}
	i.loaded[architecture] = p
	return p, architecture, nil
}

// markSize is the size of the last block of a volume. A volume that ends with the mark is complete,
// because its end is written last.
const markSize = 4096

var initMark = []byte("nova-init: this volume is complete\n")

// marked is a program with the block that marks its end. What follows an ELF file does not matter.
func marked(text []byte) []byte {
	size := (len(text)+markSize-1)/markSize*markSize + markSize
	whole := make([]byte, size)
	copy(whole, text)
	copy(whole[size-markSize:], initMark)
	return whole
}

const (
	// initPatience is how long another process may take to write the volume that it has created,
	// before it counts as dead.
	initPatience = 20 * time.Second
	// initAttempts is more processes than die while they write the volume.
	initAttempts = 16
)

// path is where the host has nova-init, in a pool. It is written if the pool does not have it.
func (i *inits) path(ctx context.Context, pool host.Pool) (string, error) {
	p, architecture, err := i.program(ctx)
	if err != nil {
		return "", err
	}
	return i.paths.Get(ctx, pool.Name, func() (string, error) {
		name, err := i.ensure(ctx, pool.Name, p, architecture)
		return pool.Path + "/" + name, err
	})
}

func (i *inits) ensure(ctx context.Context, pool string, p program, architecture string) (string, error) {
	for attempt := 1; attempt <= initAttempts; attempt++ {
		name := naming.Init(p.sum, architecture, attempt)
		complete, err := i.complete(ctx, pool, name, p)
		if complete || err != nil && !errors.Is(err, host.ErrNoVolume) {
			return name, err
		}
		if errors.Is(err, host.ErrNoVolume) {
			err = i.write(ctx, pool, name, p)
			if !errors.Is(err, host.ErrExists) {
				return name, err
			}
		}
		// Another process writes it, or has died. Then one of the next is complete, or free.
		later := naming.Init(p.sum, architecture, attempt+1)
		if complete, err := i.complete(ctx, pool, later, p); complete {
			return later, err
		}
		if complete, err := i.awaited(ctx, pool, name, p); complete || err != nil {
			return name, err
		}
	}
	return "", fmt.Errorf("pool %q has %d volumes with a part of nova-init, which nobody completes: delete them",
		pool, initAttempts)
}

// complete reports whether a volume holds all of nova-init.
func (i *inits) complete(ctx context.Context, pool, name string, p program) (bool, error) {
	last, err := i.host.ReadVolumeAt(ctx, pool, name, uint64(len(p.text)-markSize), markSize)
	return err == nil && bytes.HasPrefix(last, initMark), err
}

// awaited waits for another process to complete a volume. complete is false if it does not.
func (i *inits) awaited(ctx context.Context, pool, name string, p program) (complete bool, err error) {
	for began := time.Now(); time.Since(began) < initPatience; {
		if err := kind.Pause(ctx, kind.Poll); err != nil {
			return false, err
		}
		complete, err := i.complete(ctx, pool, name, p)
		if errors.Is(err, host.ErrNoVolume) { // it was deleted, and is not made again under this name
			return false, nil
		}
		if complete || err != nil {
			return complete, err
		}
	}
	return false, nil
}

// write creates the volume of nova-init and writes it. It returns host.ErrExists if another process
// has created it.
func (i *inits) write(ctx context.Context, pool, name string, p program) error {
	spec := host.VolumeSpec{Name: name, Format: "raw", Capacity: uint64(len(p.text)), Mode: 0o555}
	err := step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := i.host.CreateVolume(ctx, pool, spec)
		return err
	})
	if err != nil {
		return err
	}
	remove := func(err error) error {
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		if left := i.host.DeleteVolume(undo, pool, name); left != nil && !errors.Is(left, host.ErrNoVolume) {
			return errors.Join(err, left)
		}
		return err
	}
	err = i.host.WriteVolume(ctx, pool, name, p.text)
	if err != nil {
		return remove(fmt.Errorf("writing nova-init: %w", err))
	}
	complete, err := i.complete(ctx, pool, name, p)
	if err == nil && !complete {
		err = fmt.Errorf("pool %q has not kept what was written to it: it may be full", pool)
	}
	if err != nil {
		return remove(err)
	}
	return nil
}
