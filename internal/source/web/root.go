package web

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// AsRoot implements source.Rooted.
func (s Source) AsRoot(p oci.Platform) source.RootSource { return root{s, p} }

// root is an archive, or a raw ext4 file system.
type root struct {
	Source
	platform oci.Platform
}

var _ source.Rooted = Source{}

// Same implements source.Source.
func (r root) Same(other source.Source) bool {
	o, is := other.(root)
	return is && r.Source.Same(o.Source)
}

// OpenRoot implements source.RootSource. It downloads an archive as a whole, into a temporary file.
func (r root) OpenRoot(ctx context.Context) (source.Root, error) {
	from, err := stream(ctx, r.Source, r.patience())
	if err != nil {
		return source.Root{}, err
	}
	return source.RootOfStream(ctx, source.RootRequest(r, r.platform), from)
}
