package instance

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/client"
)

// pinned tells whether the instance is there and stays at its version: then it goes by what it was made of.
func (p *planner) pinned() bool {
	return p.state != nil && p.plan.ResolvedVersion.Equal(p.state.ResolvedVersion)
}

// use makes sure that something new may be made of a version, and tells what speaks against it. What there is already is
// told by reading it.
func (p *planner) use(template catalog.Template, version catalog.Version) bool {
	if p.pinned() {
		return true
	}
	warning, err := p.client.Library.Use(template, version)
	client.AddError(p.diags, "Could not use template", err)
	warn(p.diags, warning)
	return err == nil
}

// stored makes sure that the pool has the image that something new is made of.
func (p *planner) stored(ctx context.Context, version catalog.Version) bool {
	if p.pinned() {
		return true
	}
	err := p.client.Library.CheckImage(ctx, version)
	client.AddError(p.diags, "Image not found", err)
	return err == nil
}
