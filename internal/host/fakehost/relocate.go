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
		if h.domains[r.UUID] != nil || h.named(r.Name) != nil {
			return host.ErrExists
		}
		var saved savedDomain
		if err := json.Unmarshal([]byte(definition), &saved); err != nil {
			return err
		}
		for i, disk := range saved.Disks {
			if disk.Path == "" {
				continue
			}
			path, named := r.Files[disk.Path]
			if !named {
				return fmt.Errorf("nothing says where the file %s is now", disk.Path)
			}
			saved.Disks[i].Path = path
		}
		if saved.Console != "" {
			saved.Console = r.Files[saved.Console]
		}
		saved.Status, saved.Metadata = host.Status{State: host.StateShutoff}, r.Metadata
		d := &domain{
			Domain: saved.Domain, console: saved.Console, sent: map[string]int64{}, down: map[string]bool{},
		}
		h.domains[r.UUID], made = d, d.describe()
		return nil
	})
	return made, err
}
