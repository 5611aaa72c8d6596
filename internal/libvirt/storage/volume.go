package storage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Volumes reads and changes the volumes of a host's pools. Each Transfer and each clone has a
// separate connection.
type Volumes struct {
	client *rpc.Client
	pools  *Pools
	tenant string
	clocks sync.Map // pool name → reading
	// unshared has the names of pools whose file systems cannot share blocks between volumes.
	unshared sync.Map
}

// NewVolumes returns the volumes of pools. It makes no request. tenant is the tenant in the names
// of the volumes that Volumes creates for itself; see Time.
func NewVolumes(c *rpc.Client, pools *Pools, tenant string) *Volumes {
	return &Volumes{client: c, pools: pools, tenant: tenant}
}

// VolumeNames returns the names of all volumes of a pool, in no particular order, with one request.
// It lists what the daemon knows; see RefreshPool.
func (s *Volumes) VolumeNames(ctx context.Context, pool string) ([]string, error) {
	return ofActivePool(ctx, func() ([]string, error) {
		return inPool(ctx, s.pools, "listing", "volumes of "+virterr.Pool(pool), pool, true,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) ([]string, error) {
				refs, _, err := l.StoragePoolListAllVolumes(ref, 1, 0)
				if err != nil {
					return nil, orTooMany(l, ref, err)
				}
				names := make([]string, len(refs))
				for i, ref := range refs {
					names[i] = ref.Name
				}
				return names, nil
			})
	})
}

// orTooMany detects that libvirt did not list a pool because it has more volumes than libvirt
// lists, for which libvirt has no code.
func orTooMany(l *libvirt.Libvirt, ref libvirt.StoragePool, err error) error {
	if n, failed := l.StoragePoolNumOfVolumes(ref); failed == nil && n > host.MostVolumes {
		return fmt.Errorf("%w: it has %d, and libvirt lists at most %d. Move what is not novacron's out of its "+
			"directory: a library needs a pool of its own", host.ErrTooManyVolumes, n, host.MostVolumes)
	}
	return err
}

// Volumes returns the volumes of a pool whose names match, with one request for the list and one
// for each match. It leaves out volumes that vanish meanwhile, and lists those that cannot be
// described separately.
func (s *Volumes) Volumes(
	ctx context.Context, pool string, match func(name string) bool,
) ([]host.Volume, []host.Undescribed, error) {
	names, err := s.VolumeNames(ctx, pool)
	if err != nil {
		return nil, nil, err
	}
	var matches []string
	for _, name := range names {
		if match(name) {
			matches = append(matches, name)
		}
	}
	called := func(name string) host.Undescribed { return host.Undescribed{Pool: pool, Name: name} }
	return rpc.DescribeAll(ctx, matches, host.ErrNoVolume, ofVolumes, called,
		func(ctx context.Context, name string) (host.Volume, error) {
			return s.Volume(ctx, pool, name)
		})
}

// Volume returns a volume, host.ErrNoVolume, host.ErrNoPool or host.ErrPoolInactive.
func (s *Volumes) Volume(ctx context.Context, pool, name string) (host.Volume, error) {
	text, err := ofActivePool(ctx, func() (string, error) {
		text, err := rpc.Ask(ctx, s.client, "reading", virterr.Volume(pool, name),
			func(l *libvirt.Libvirt) (string, error) {
				return l.StorageVolGetXMLDesc(volumeRef(pool, name), 0)
			})
		return text, s.pools.blamePool(ctx, "reading", virterr.Volume(pool, name), pool, err)
	})
	if err != nil {
		return host.Volume{}, err
	}
	v, err := parseVolume(pool, name, text)
	return v, virterr.Fail("reading", virterr.Volume(pool, name), err)
}

// volumeRef addresses a volume. The storage driver uses only pool and name (storage_driver.c,
// virStorageVolDefFromVol), so no lookup is needed.
func volumeRef(pool, name string) libvirt.StorageVol {
	return libvirt.StorageVol{Pool: pool, Name: name}
}

// CreateVolume creates an empty volume, or an overlay when spec has a Backing. Creating a raw
// volume is exclusive, even between daemons that share the pool's directory: the second caller gets
// host.ErrExists. Other formats are exclusive only within one daemon. The volume that it returns is
// as the spec asks: its Allocation, Physical and Modified are zero, because libvirt does not answer
// with them.
func (s *Volumes) CreateVolume(ctx context.Context, pool string, spec host.VolumeSpec) (host.Volume, error) {
	object := virterr.Volume(pool, spec.Name)
	text, err := renderVolume(spec)
	if err != nil {
		return host.Volume{}, virterr.Fail("creating", object, err)
	}
	var made libvirt.StorageVol
	create := func() (err error) {
		made, err = inPool(ctx, s.pools, "creating", object, pool, false,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) (libvirt.StorageVol, error) {
				return l.StorageVolCreateXML(ref, text, 0)
			})
		return err
	}
	refused := func(err error) bool {
		return virterr.HasCode(err, libvirt.ErrOperationInvalid) && !errors.Is(err, host.ErrPoolInactive)
	}
	if err = create(); refused(err) { // perhaps because the pool was not active yet
		err = create()
	}
	created := time.Now()
	// A file was created without this daemon's knowledge. libvirt answers OPERATION_INVALID if the
	// file existed before libvirt looked (the pool is active, or the error would say so), and a system
	// error of unknown number if the file appeared after that.
	if refused(err) || virterr.HasCode(err, libvirt.ErrSystemError) && s.appeared(ctx, pool, spec.Name) {
		return host.Volume{}, virterr.Fail("creating", object, virterr.As(host.ErrExists, errors.Unwrap(err)))
	}
	if err != nil {
		return host.Volume{}, err
	}
	if err := s.readClock(ctx, pool, spec.Name, created); err != nil {
		return host.Volume{}, err
	}
	if !path.IsAbs(made.Key) { // the key is the path only in pools of files
		return s.Volume(ctx, pool, spec.Name)
	}
	return host.Volume{
		Pool:     pool,
		Name:     spec.Name,
		Path:     made.Key,
		Format:   spec.Format,
		Capacity: spec.Capacity,
		Backing:  spec.Backing,
	}, nil
}

// appeared reports whether the volume appears after a refresh of the pool.
func (s *Volumes) appeared(ctx context.Context, pool, name string) bool {
	if s.pools.RefreshPool(ctx, pool) != nil {
		return false
	}
	_, err := s.Volume(ctx, pool, name)
	return err == nil
}

// busyLimit is how long DeleteVolume waits for a volume that the host is busy with.
const busyLimit = time.Minute

// DeleteVolume deletes a volume. It does not notice overlays that need it. If the host is still
// busy with the volume (an upload whose connection was just closed, a copy that continues after its
// caller left), DeleteVolume waits for at most a minute and then returns host.ErrOperationInvalid.
func (s *Volumes) DeleteVolume(ctx context.Context, pool, name string) error {
	for begun, wait := time.Now(), 10*time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := s.changeVolume(ctx, "deleting", pool, name, func(l *libvirt.Libvirt) error {
			return l.StorageVolDelete(volumeRef(pool, name), 0)
		})
		if !errors.Is(err, host.ErrOperationInvalid) || errors.Is(err, host.ErrPoolInactive) ||
			time.Since(begun) > busyLimit {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func (s *Volumes) changeVolume(ctx context.Context, op, pool, name string, fn func(*libvirt.Libvirt) error) error {
	object := virterr.Volume(pool, name)
	return s.pools.blamePool(ctx, op, object, pool, s.client.Call(ctx, op, object, false, fn))
}

// notOfVolumes are answers about the caller, the connection or the daemon, and not about the
// requested volume. libvirt has many codes for its problems with a volume.
var notOfVolumes = []libvirt.ErrorNumber{
	libvirt.ErrNoStoragePool, libvirt.ErrNoMemory, libvirt.ErrNoConnect, libvirt.ErrInvalidConn, libvirt.ErrRPC,
	libvirt.ErrOperationDenied, libvirt.ErrAccessDenied, libvirt.ErrAuthFailed, libvirt.ErrAuthCancelled,
	libvirt.ErrAuthUnavailable,
	libvirt.ErrOperationTimeout, libvirt.ErrOperationAborted, libvirt.ErrNoSupport,
}

// ofVolumes reports whether an answer is about the requested volume.
func ofVolumes(code libvirt.ErrorNumber) bool { return !slices.Contains(notOfVolumes, code) }
