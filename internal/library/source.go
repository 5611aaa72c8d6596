package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// openSource opens a source of bytes, wherever it is. Those of a volume come from the host, as they are in its file.
func (l *Library) openSource(ctx context.Context, s transfer.Source) (*transfer.Image, error) {
	if s.Volume == "" {
		return transfer.Open(ctx, s)
	}
	if err := l.unused(ctx, s); err != nil {
		return nil, err
	}
	volume, err := l.sourceVolume(ctx, s)
	if err != nil {
		return nil, err
	}
	r, err := l.host.OpenVolume(ctx, volume.Pool, volume.Name)
	if err != nil {
		return nil, s.Fail("opening", err, "")
	}
	im, err := transfer.OpenStream(s, r, int64(volume.Physical))
	if err != nil {
		return nil, err
	}
	if err := l.asDefined(ctx, s, volume, im); err != nil {
		return nil, errors.Join(err, im.Close())
	}
	return im, nil
}

// asDefined makes sure that a volume which is a machine's disk looks like what its domain's definition says: what a raw disk
// begins with was written by its guest.
func (l *Library) asDefined(ctx context.Context, s transfer.Source, v host.Volume, im *transfer.Image) error {
	looks := string(im.Format)
	if im.Compression != "" {
		looks = im.Compression
	}
	domains, _, err := l.host.AllDomains(ctx)
	if err != nil {
		return err
	}
	for _, d := range domains {
		for _, disk := range d.Disks {
			if disk.Is(v) && disk.Format != looks {
				wrong := &host.FormatError{Pool: v.Pool, Volume: v.Name, Probed: looks, Defined: disk.Format}
				return s.Fail("opening", wrong, "Have the guest write something else to the beginning of its disk, or take the image from elsewhere.")
			}
		}
	}
	return nil
}

// sourceVolume looks up the volume that a source names. Of novacron's own, a tenant has those of its instances' disks; the
// others are not there for it.
func (l *Library) sourceVolume(ctx context.Context, s transfer.Source) (host.Volume, error) {
	pool, name := s.PoolVolume()
	if naming.IsOwn(name) && !naming.IsDiskOf(l.me.Tenant, name) {
		return host.Volume{}, s.Fail("opening", fmt.Errorf("tenant %q has no such volume: %w", l.me.Tenant, host.ErrNoVolume),
			"See what there is with virsh vol-list "+pool+".")
	}
	err := l.host.RefreshPool(ctx, pool) // else the host tells the size that it had some time ago
	if errors.Is(err, host.ErrNoPool) {
		return host.Volume{}, s.Fail("opening", err, l.poolsThere(ctx))
	}
	if err != nil {
		return host.Volume{}, s.Fail("opening", err, "Start the pool with virsh pool-start.")
	}
	volume, err := l.host.Volume(ctx, pool, name)
	if errors.Is(err, host.ErrNoVolume) {
		return volume, s.Fail("opening", err, "See what there is with virsh vol-list "+pool+".")
	}
	if err != nil {
		return volume, s.Fail("opening", err, "")
	}
	return volume, nil
}

func (l *Library) poolsThere(ctx context.Context) string {
	pools, err := l.host.Pools(ctx)
	if err != nil || len(pools) == 0 {
		return "The host has no pools."
	}
	names := make([]string, len(pools))
	for i, p := range pools {
		names[i] = p.Name
	}
	return "The host has the pools " + strings.Join(names, ", ") + "."
}

// unused makes sure that no guest that runs may write to a source's volume.
func (l *Library) unused(ctx context.Context, s transfer.Source) error {
	volume, err := l.sourceVolume(ctx, s)
	if err != nil {
		return err
	}
	used, err := l.diskInUse(ctx, volume)
	if used != nil {
		return s.Fail("reading", used, "Shut them down, and apply again.")
	}
	return err
}

// inUseError says that guests run on what is to be read.
type inUseError struct {
	domains []string
	others  int // those of other tenants, which are not named
}

func (e *inUseError) Error() string {
	return "it would be a mix of what a guest writes meanwhile: it is in use by running machines: " + andOthers(e.domains, e.others)
}

// diskInUse tells whether guests run that may write to a volume; nil for none.
func (l *Library) diskInUse(ctx context.Context, v host.Volume) (*inUseError, error) {
	users, err := l.host.DiskUsers(ctx, v)
	if err != nil || len(users) == 0 {
		return nil, err
	}
	domains, _, err := l.host.AllDomains(ctx)
	if err != nil {
		return nil, err
	}
	return l.inUse(users, domains), nil
}

// inUse names to the library's user the domains that have a disk, but for those that are, or may be, instances of other tenants.
func (l *Library) inUse(users []string, domains []host.Domain) *inUseError {
	used := &inUseError{}
	for _, name := range users {
		n := slices.IndexFunc(domains, func(d host.Domain) bool { return d.Name == name })
		var facts catalog.InstanceFacts
		known := n >= 0
		if known && domains[n].Metadata != "" {
			var err error
			facts, err = catalog.ParseInstanceFacts(domains[n].Metadata)
			known = err == nil
		}
		switch {
		case known && facts.Tenant != "" && facts.Tenant != l.me.Tenant:
			used.others++
		case !known && !naming.IsDomainOf(l.me.Tenant, name):
			used.domains = append(used.domains, "another domain")
		default:
			used.domains = append(used.domains, name)
		}
	}
	return used
}

// ProbeSource looks at a source on the host, as far as that can be told before it is needed. It gives the virtual size in bytes,
// 0 where only the whole image tells it. What could still be put right until then (a guest that runs) is in wait.
func (l *Library) ProbeSource(ctx context.Context, s transfer.Source) (virtualSize int64, wait, err error) {
	if err := s.Validate(); err != nil {
		return 0, nil, err
	}
	if s.Instance != "" {
		disk, err := l.captured(ctx, s)
		return int64(disk.volume.Capacity), disk.busy, err
	}
	im, err := l.openSource(ctx, s)
	if used, ok := errors.AsType[*inUseError](err); ok {
		return 0, s.Fail("reading", used, "Shut them down before it is read."), nil
	}
	if err != nil {
		return 0, nil, err
	}
	return im.VirtualSize, nil, im.Close()
}

// HasSource tells whether the image of a digest was read from a file of the source's checksum.
func (l *Library) HasSource(ctx context.Context, digest string, s transfer.Source) (bool, error) {
	want, err := image.ParseChecksum(s.Checksum)
	if err != nil {
		return false, nil //nolint:nilerr // without a checksum nothing is known
	}
	if want.String() == digest {
		return true, nil
	}
	base, err := l.Base(ctx, digest)
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil
	}
	return slices.Contains(base.Sources, want.String()), err
}

// readBefore finds the digest of an image that was read from a file of the source's checksum before.
func (l *Library) readBefore(ctx context.Context, s transfer.Source) (digest string, known bool, err error) {
	want, err := image.ParseChecksum(s.Checksum)
	if err != nil {
		return "", false, nil //nolint:nilerr // without a checksum nothing is known
	}
	bases, err := l.store.Bases().List(ctx, "")
	for _, base := range bases {
		if slices.Contains(base.Value.Sources, want.String()) {
			return base.Value.Digest, true, nil
		}
	}
	return "", false, err
}
