package imagestore

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
)

// binder gives sources the store's host.
type binder struct {
	host   host.Host
	tenant string
	chain  func(context.Context, metadata.Facts, host.DomainDisk) ([]host.Volume, error) // see lineage
}

func newBinder(st *Store) binder {
	chain := func(ctx context.Context, facts metadata.Facts, disk host.DomainDisk) ([]host.Volume, error) {
		return lineage{st.pool, chainReader{st.Base}, facts}.chain(ctx, disk)
	}
	return binder{st.host, st.tenant, chain}
}

// bind gives a source the store's host, if the source needs one.
func (b binder) bind(s source.Source) source.Source {
	return onhost.Bind(s, &onhost.Host{Machine: b.host, Tenant: b.tenant, Chain: b.chain})
}

// Probe looks at a source, as far as that is possible before it is needed, wherever the source is,
// also on the host.
func (st *Store) Probe(ctx context.Context, s source.Source) (source.Probe, error) {
	return source.Examine(ctx, newBinder(st).bind(s))
}

// HasSource reports whether the image of a digest was read from a file with the source's checksum.
func (st *Store) HasSource(ctx context.Context, digest string, s source.Source) (bool, error) {
	want := s.Expected()
	if want == (image.Checksum{}) {
		return false, nil
	}
	if want.String() == digest {
		return true, nil
	}
	base, err := st.Base(ctx, digest)
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil
	}
	return slices.Contains(base.Sources, want.String()), err
}

// readBefore finds the digest of an image that was read earlier from a file with the source's
// checksum.
func (h holding) readBefore(ctx context.Context, s source.Source) (digest string, known bool, err error) {
	want := s.Expected()
	if want == (image.Checksum{}) {
		return "", false, nil
	}
	bases, err := h.bases.List(ctx, "")
	for _, base := range bases {
		if slices.Contains(base.Value.Sources, want.String()) {
			return base.Value.Digest, true, nil
		}
	}
	return "", false, err
}

// LeadsTo reports whether a source leads to the image of a digest. If nothing else can tell, it
// reads the source. A disk that would have to be captured again does not lead there.
func (st *Store) LeadsTo(ctx context.Context, from source.Source, digest string) (same bool, err error) {
	from = newBinder(st).bind(from)
	if _, captured := from.(onhost.Captured); captured {
		return false, nil
	}
	if same, err := st.HasSource(ctx, digest, from); same || err != nil {
		return same, err
	}
	im, err := from.Open(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, im.Close()) }()
	read, err := im.Send(ctx, transfer.Discard)
	return read.Digest == digest, err
}
