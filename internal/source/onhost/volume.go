package onhost

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// VolumeKind creates sources from the attribute volume.
var VolumeKind = source.Kind{Attribute: "volume", New: func(s source.Settings) source.Source {
	return Volume{Name: s.Text("volume"), Checksum: s.Text("checksum")}
}}

// Volume is a volume of a pool of the host, read as it is in its file.
type Volume struct {
	Name     string // POOL/VOLUME
	Checksum string // "", "sha256:HEX" or "sha512:HEX" of the file
}

var _ Hosted = Volume{}

// String implements source.Source.
func (v Volume) String() string { return "volume " + v.Name }

// Attribute implements source.Source.
func (Volume) Attribute() string { return "volume" }

// Validate implements source.Source.
func (v Volume) Validate() error {
	if pool, volume := v.names(); pool == "" || volume == "" || strings.Contains(volume, "/") {
		return image.Blame("volume", "reading the source "+v.String(),
			errors.New("it does not name a pool and a volume in it"), "Write it as POOL/VOLUME.")
	}
	return source.ValidateChecksum(v.Checksum)
}

// names returns the names of the pool, and of the volume in it.
func (v Volume) names() (pool, volume string) {
	pool, volume, _ = strings.Cut(v.Name, "/")
	return pool, volume
}

// Same implements source.Source.
func (v Volume) Same(other source.Source) bool {
	if hosted, is := other.(hostedVolume); is {
		other = hosted.Volume
	}
	return other == v
}

// Expected implements source.Source.
func (v Volume) Expected() image.Checksum { return source.Expect(v.Checksum) }

// Open implements source.Source. It is an error: the host is missing.
func (v Volume) Open(context.Context) (*transfer.Image, error) { return unbound(v) }

// On implements Hosted.
func (v Volume) On(h *Host) source.Probed { return hostedVolume{v, h} }

type hostedVolume struct {
	Volume
	host *Host
}

// Open implements source.Source.
func (v hostedVolume) Open(ctx context.Context) (*transfer.Image, error) {
	volume, from, err := v.stream(ctx)
	if err != nil {
		return nil, err
	}
	im, err := transfer.FromStream(source.Origin(v), v.Expected(), from)
	if err != nil {
		return nil, err
	}
	if err := v.asDefined(ctx, volume, im); err != nil {
		return nil, errors.Join(err, im.Close())
	}
	return im, nil
}

// stream begins to read the volume.
func (v hostedVolume) stream(ctx context.Context) (host.Volume, transfer.Stream, error) {
	if err := v.Validate(); err != nil {
		return host.Volume{}, transfer.Stream{}, err
	}
	volume, err := v.unused(ctx)
	if err != nil {
		return volume, transfer.Stream{}, err
	}
	r, err := v.host.OpenVolume(ctx, volume.Pool, volume.Name)
	if err != nil {
		return volume, transfer.Stream{}, failed(v, "opening", err, "")
	}
	return volume, transfer.Stream{
		Reader: r,
		Size:   int64(volume.Physical),
		Abort:  func(error) { _ = r.Close() },
		Done: func(ctx context.Context) error { // a guest that was started meanwhile has written to it
			_, err := v.unused(ctx)
			return err
		},
	}, nil
}

// Probe implements source.Probed.
func (v hostedVolume) Probe(ctx context.Context) (source.Probe, error) {
	im, err := v.Open(ctx)
	if wait := v.waits(err); wait != nil {
		return source.Probe{Wait: wait}, nil //nolint:nilerr // it may be gone by then
	}
	if err != nil {
		return source.Probe{}, err
	}
	return source.Probe{VirtualSize: im.VirtualSize}, im.Close()
}

// waits says what an earlier step of the apply may change about an error; nil for nothing.
func (v hostedVolume) waits(err error) error {
	used, ok := errors.AsType[*inUseError](err)
	if !ok {
		return nil
	}
	return failed(v, "reading", used, "Shut them down before it is read.")
}

// unused finds the volume, and checks that no guest runs that may write to it.
func (v hostedVolume) unused(ctx context.Context) (host.Volume, error) {
	found, err := v.host.volume(ctx, v)
	if err != nil {
		return found, err
	}
	used, err := v.host.diskInUse(ctx, found)
	if used != nil {
		err = failed(v, "reading", used, "Shut them down, and apply again.")
	}
	return found, err
}

// asDefined checks that a volume that is a machine's disk looks as its domain's definition says: a
// raw disk's guest wrote its beginning.
func (v hostedVolume) asDefined(ctx context.Context, found host.Volume, im *transfer.Image) error {
	looks := string(im.Format)
	if im.Compression != "" {
		looks = im.Compression
	}
	domains, _, err := v.host.AllDomains(ctx)
	if err != nil {
		return err
	}
	for _, d := range domains {
		for _, disk := range d.Disks {
			if disk.Is(found) && disk.Format != looks {
				wrong := &host.FormatError{Pool: found.Pool, Volume: found.Name, Probed: looks, Defined: disk.Format}
				return failed(v, "opening", wrong,
					"Have the guest write something else to the beginning of its disk, or take the image "+
						"from elsewhere.")
			}
		}
	}
	return nil
}

// volume looks up the volume that a source names. Of novacron's own volumes, a tenant has those of
// its instances' disks; the others count as missing for it.
func (h *Host) volume(ctx context.Context, v hostedVolume) (host.Volume, error) {
	pool, name := v.names()
	list := "See what there is with virsh vol-list " + pool + "."
	if naming.IsOwn(name) && !naming.IsDiskOf(h.Tenant, name) {
		err := fmt.Errorf("tenant %q has no such volume: %w", h.Tenant, host.ErrNoVolume)
		return host.Volume{}, failed(v, "opening", err, list)
	}
	err := h.RefreshPool(ctx, pool) // otherwise the host reports an older size
	if errors.Is(err, host.ErrNoPool) {
		return host.Volume{}, failed(v, "opening", err, h.poolsThere(ctx))
	}
	if err != nil {
		return host.Volume{}, failed(v, "opening", err, "Start the pool with virsh pool-start.")
	}
	found, err := h.Volume(ctx, pool, name)
	if errors.Is(err, host.ErrNoVolume) {
		return found, failed(v, "opening", err, list)
	}
	if err != nil {
		return found, failed(v, "opening", err, "")
	}
	return found, nil
}

func (h *Host) poolsThere(ctx context.Context) string {
	pools, err := h.Pools(ctx)
	if err != nil || len(pools) == 0 {
		return "The host has no pools."
	}
	names := make([]string, len(pools))
	for i, p := range pools {
		names[i] = p.Name
	}
	return "The host has the pools " + strings.Join(names, ", ") + "."
}
