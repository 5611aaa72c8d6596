package onhost

import (
	"context"
	"errors"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// AsRoot implements source.Rooted.
func (v Volume) AsRoot(p oci.Platform) source.RootSource { return unboundRoot{v, p} }

// unboundRoot is a rootVolume without its host.
type unboundRoot struct {
	Volume
	platform oci.Platform
}

// On implements Hosted.
func (u unboundRoot) On(h *Host) source.Probed {
	return rootVolume{hostedVolume{u.Volume, h}, u.platform}
}

// Same implements source.Source.
func (u unboundRoot) Same(other source.Source) bool { return u.Volume.Same(rooted(other)) }

// rooted is the volume that a source of a root file system reads; nil for another source.
func rooted(s source.Source) source.Source {
	switch s := s.(type) {
	case unboundRoot:
		return s.Volume
	case rootVolume:
		return s.Volume
	default:
		return nil
	}
}

// OpenRoot implements source.RootSource. It is an error: the host is missing.
func (u unboundRoot) OpenRoot(ctx context.Context) (source.Root, error) {
	_, err := u.Open(ctx)
	return source.Root{}, err
}

// AsRoot implements source.Rooted.
func (v hostedVolume) AsRoot(p oci.Platform) source.RootSource { return rootVolume{v, p} }

// rootVolume is a volume with an archive or a raw ext4 file system.
type rootVolume struct {
	hostedVolume
	platform oci.Platform
}

var (
	_ source.Rooted     = Volume{}
	_ source.Rooted     = hostedVolume{}
	_ source.RootSource = rootVolume{}
	_ source.Probed     = rootVolume{}
)

// OpenRoot implements source.RootSource. A root file system is read from the volume as often as it is
// needed. An image, whose parts are needed in another order, is read into a temporary file, and so is
// whatever has a checksum.
func (r rootVolume) OpenRoot(ctx context.Context) (source.Root, error) {
	volume, from, err := r.stream(ctx)
	if err != nil {
		return source.Root{}, err
	}
	var c oci.Content
	if c, from, err = oci.Peek(source.Origin(r), from); err != nil {
		return source.Root{}, err
	}
	if c.Root && r.Expected() == (image.Checksum{}) {
		from.Abort(errors.New("it is read from its beginning"))
		return source.Root{Image: oci.FromOpener(source.RootRequest(r, r.platform), r.reopen)}, nil
	}
	opened, err := source.RootOfStream(ctx, source.RootRequest(r, r.platform), from)
	if err != nil || opened.Disk == nil {
		return opened, err
	}
	if err := r.asDefined(ctx, volume, opened.Disk); err != nil {
		return source.Root{}, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// reopen begins to read the volume. Its end is an error if a guest was started meanwhile that may have
// written to it.
func (r rootVolume) reopen(ctx context.Context) (io.ReadCloser, error) {
	_, from, err := r.stream(ctx)
	if err != nil {
		return nil, err
	}
	return &rereading{ctx, from}, nil
}

// rereading is one reading of a volume.
type rereading struct {
	ctx  context.Context //nolint:containedctx // io.Reader has none
	from transfer.Stream
}

// Read implements io.Reader.
func (r *rereading) Read(p []byte) (int, error) {
	n, err := r.from.Reader.Read(p)
	if image.Ended(err) {
		if used := r.from.Done(r.ctx); used != nil {
			return 0, used
		}
	}
	return n, err
}

// Close implements io.Closer.
func (r *rereading) Close() error {
	r.from.Abort(errors.New("it was read"))
	return nil
}

// Same implements source.Source.
func (r rootVolume) Same(other source.Source) bool { return r.Volume.Same(rooted(other)) }

// Probe implements source.Probed. It looks at the beginning of the volume alone, since all of it would
// have to be read.
func (r rootVolume) Probe(ctx context.Context) (source.Probe, error) {
	_, from, err := r.stream(ctx)
	if wait := r.waits(err); wait != nil {
		return source.Probe{Wait: wait}, nil
	}
	if err != nil {
		return source.Probe{}, err
	}
	defer from.Abort(errors.New("it was looked at"))
	_, _, err = oci.Recognise(source.Origin(r), from.Reader)
	return source.Probe{}, err
}
