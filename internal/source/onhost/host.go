// Package onhost has the kinds of source that are on the host that stores the image: a volume of
// one of its pools, and the system disk of an instance.
package onhost

import (
	"context"
	"errors"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// Machine is what sources need of a host.Host.
type Machine interface {
	Pools(ctx context.Context) ([]host.Pool, error)
	RefreshPool(ctx context.Context, pool string) error
	Volume(ctx context.Context, pool, name string) (host.Volume, error)
	OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error)
	Domain(ctx context.Context, uuid string) (host.Domain, error)
	AllDomains(ctx context.Context) (domains []host.Domain, undescribed []host.Undescribed, err error)
	DiskUsers(ctx context.Context, v host.Volume) ([]string, error)
	HasSavedState(ctx context.Context, uuid string) (bool, error)
}

// Host is the host, as one tenant may read it.
type Host struct {
	Machine
	Tenant string
	// Chain lists the volumes that an instance's disk consists of: its own, the one that it is based
	// on, and so on. It is an error if the tenant may not read one of them.
	Chain func(context.Context, metadata.Facts, host.DomainDisk) ([]host.Volume, error)
}

// Hosted is a source that needs the host. It cannot be opened until On has given it one.
type Hosted interface {
	source.Source
	On(h *Host) source.Probed
}

// Captured is a source that is not opened: the host copies it, as a whole.
type Captured interface {
	source.Source
	// Disk looks up what the host is to copy. A disk that must not be read now is Busy, which is not
	// an error.
	Disk(ctx context.Context) (Disk, error)
}

// Bind gives a source the host, if it needs one.
func Bind(s source.Source, h *Host) source.Source {
	if hosted, needs := s.(Hosted); needs {
		return hosted.On(h)
	}
	return s
}

// failed blames the source for err. Doing is what was attempted: "copying".
func failed(s source.Source, doing string, err error, advice string) error {
	return source.Origin(s).Failed(doing, err, advice)
}

// unbound is Open for a source without its host.
func unbound(s source.Source) (*transfer.Image, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return nil, failed(s, "opening", errors.New("it is on a host"), "")
}
