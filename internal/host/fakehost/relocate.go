package fakehost

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Definition is host.Relocator.Definition.
func (h domainRequests) Definition(ctx context.Context, uuid string) (text string, err error) {
	err = h.onDomain(ctx, "Definition", uuid, func(d *domain) error {
		definition, err := json.Marshal(savedDomain{d.describe(), d.console})
		text = string(definition)
		return err
	})
	return text, err
}

// DefineRelocated is host.Relocator.DefineRelocated.
func (h domainRequests) DefineRelocated(
	ctx context.Context, definition string, r host.Relocation,
) (made host.Domain, err error) {
	err = h.do(ctx, "DefineRelocated", r.Name, func() error {
		d, err := h.defineSaved(r.Name, r.UUID, definition, func(d *savedDomain) error { return d.moveTo(r) })
		made = d
		return err
	})
	return made, err
}

// moveTo gives a domain what a Relocation says.
func (d *savedDomain) moveTo(r host.Relocation) error {
	var files []*string
	for i := range d.Disks {
		files = append(files, &d.Disks[i].Path)
	}
	for i := range d.Filesystems {
		files = append(files, &d.Filesystems[i].Source)
	}
	for _, file := range files {
		if *file == "" {
			continue
		}
		path, named := r.Files[*file]
		if !named {
			return fmt.Errorf("nothing says where the file %s is now", *file)
		}
		*file = path
	}
	if d.Console != "" {
		d.Console = r.Files[d.Console]
	}
	d.Metadata = r.Metadata
	return nil
}
