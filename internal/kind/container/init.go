package container

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// inits keeps nova-init in a volume of the library's pool, which all containers mount. Its name has the
// digest of what it holds, and it is used only if it holds that: it runs as the host's root before it
// confines itself, and others may write to the pool.
type inits struct {
	host      host.Host
	inventory *inventory.Inventory
	programs  Programs

	paths *coalesce.Answers[string, string]     // of the volumes that are used, by pools
	looks coalesce.CallsByKey[string, []string] // names of the volumes of pools

	mu      sync.Mutex
	loaded  map[string]program // by architecture
	trusted map[volume]bool    // those whose bytes were compared
}

type program struct {
	text []byte
	sum  string // hexadecimal
}

// volume identifies a volume of the host.
type volume struct{ pool, name string }

func newInits(h host.Host, i *inventory.Inventory, programs Programs) *inits {
	return &inits{
		host: h, inventory: i, programs: programs, loaded: map[string]program{}, trusted: map[volume]bool{},
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

// program is nova-init for the host.
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
	p = program{text, strings.TrimPrefix(sum, "sha256:")}
	i.loaded[architecture] = p
	return p, architecture, nil
}

const (
	// initPatience is how long another process may take to write the volume that it has created,
	// before it counts as dead.
	initPatience = 20 * time.Second
	// initAttempts is how many volumes there may be that hold something else and are used.
	initAttempts = 16
	// initTries is how often a volume is written that others delete or damage.
	initTries = 4
	endSize   = 4096
	// initLimit is more bytes than any nova-init has.
	initLimit = 64 << 20
)

// path is where the host has nova-init, in a pool. It is written if the pool does not have it.
func (i *inits) path(ctx context.Context, pool host.Pool) (string, error) {
	p, architecture, err := i.program(ctx)
	if err != nil {
		return "", err
	}
	return i.paths.Get(ctx, pool.Name, func() (string, error) {
		name, err := i.ensure(ctx, pool, p, architecture)
		return pool.Path + "/" + name, err
	})
}

// ensure finds the volume of a pool with nova-init, or makes one.
func (i *inits) ensure(ctx context.Context, pool host.Pool, p program, architecture string) (string, error) {
	for attempt := 1; attempt <= initAttempts; attempt++ {
		name := naming.Init(p.sum, architecture, attempt)
		for range initTries {
			found, err := i.look(ctx, pool.Name, name, p)
			if err == nil && found == absent {
				found, err = i.write(ctx, pool.Name, name, p)
			}
			if err == nil && found == begun {
				later := naming.Init(p.sum, architecture, attempt+1)
				if next, err := i.look(ctx, pool.Name, later, p); err == nil && next == complete {
					return later, nil
				}
				found, err = i.awaited(ctx, pool.Name, name, p)
			}
			if err != nil || found == complete {
				return name, err
			}
			if found == absent {
				continue
			}
			users, err := i.users(ctx, pool.Path+"/"+name, nil)
			if err != nil {
				return "", err
			}
			if users {
				break
			}
			err = i.replace(ctx, pool.Name, name, p)
			if errors.Is(err, host.ErrDenied) {
				break
			}
			if err != nil {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("pool %q does not keep nova-init: it may be full, or another program writes to the volumes "+
		"%s…, which you may delete once no container runs", pool.Name, naming.Init(p.sum, architecture, 1))
}

// content is what a volume holds that should hold nova-init.
type content int

const (
	absent   content = iota // there is no volume
	begun                   // a part, which somebody may be completing
	foreign                 // something else
	complete                // nova-init
)

// look finds out what a volume holds. It reads all of it, until it was complete once in this process.
func (i *inits) look(ctx context.Context, pool, name string, p program) (content, error) {
	text, err := i.read(ctx, pool, name)
	switch {
	case errors.Is(err, host.ErrNoVolume):
		return absent, nil
	case err != nil:
		return absent, err
	case i.holds(pool, name, text):
		return complete, nil
	}
	written := bytes.TrimRight(text, "\x00")
	if len(text) <= len(p.text) && bytes.HasPrefix(p.text, written) {
		return begun, nil
	}
	return foreign, nil
}

func (i *inits) read(ctx context.Context, pool, name string) ([]byte, error) {
	return i.host.ReadVolumeAt(ctx, pool, name, 0, initLimit)
}

// holds reports whether a volume of that name is to have those bytes, and notes it.
func (i *inits) holds(pool, name string, text []byte) bool {
	sum := sha256.Sum256(text)
	good := hex.EncodeToString(sum[:]) == naming.InitSum(name)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.trusted[volume{pool, name}] = good
	return good
}

// awaited waits until another process has completed a volume. What it returns is final. It asks for the end
// of the volume alone, which is written last.
func (i *inits) awaited(ctx context.Context, pool, name string, p program) (content, error) {
	end := p.text[max(0, len(p.text)-endSize):]
	for began := time.Now(); time.Since(began) < initPatience; {
		if err := kind.Pause(ctx, kind.Poll); err != nil {
			return absent, err
		}
		text, err := i.host.ReadVolumeAt(ctx, pool, name, uint64(len(p.text)-len(end)), int64(len(end)))
		if errors.Is(err, host.ErrNoVolume) || err == nil && bytes.Equal(text, end) {
			break
		}
		if err != nil {
			return absent, err
		}
	}
	return i.look(ctx, pool, name, p)
}

// write creates the volume of nova-init and writes it. Another process may do the same.
func (i *inits) write(ctx context.Context, pool, name string, p program) (content, error) {
	spec := host.VolumeSpec{Name: name, Format: "raw", Capacity: uint64(len(p.text)), Mode: 0o555}
	err := step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := i.host.CreateVolume(ctx, pool, spec)
		return err
	})
	if errors.Is(err, host.ErrExists) {
		return begun, nil
	}
	if err != nil {
		return absent, err
	}
	err = i.host.WriteVolume(ctx, pool, name, p.text)
	if err != nil && !errors.Is(err, host.ErrNoVolume) {
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		return absent, errors.Join(fmt.Errorf("writing nova-init: %w", err), i.remove(undo, pool, name))
	}
	return i.look(ctx, pool, name, p)
}

// replace removes a volume that holds something else, unless it has become complete since.
func (i *inits) replace(ctx context.Context, pool, name string, p program) error {
	found, err := i.look(ctx, pool, name, p)
	if err != nil || found == complete || found == absent {
		return err
	}
	return i.remove(ctx, pool, name)
}

func (i *inits) remove(ctx context.Context, pool, name string) error {
	if err := i.host.DeleteVolume(ctx, pool, name); err != nil && !errors.Is(err, host.ErrNoVolume) {
		return err
	}
	return nil
}

// users reports whether a container mounts a file. It leaves out those that are gone: the caller says which.
func (i *inits) users(ctx context.Context, file string, gone func(host.Domain) bool) (bool, error) {
	all, undescribed, err := i.host.Containers().AllDomains(ctx)
	if err != nil || len(undescribed) > 0 {
		return true, err
	}
	for _, d := range all {
		if programOf(d) == file && (gone == nil || !gone(d)) {
			return true, nil
		}
	}
	return false, nil
}

// programOf is the path of the nova-init that a container mounts; "" if it mounts none.
func programOf(d host.Domain) string {
	for _, f := range d.Filesystems {
		if f.Target == initTarget {
			return f.Source
		}
	}
	return ""
}
