package catalog

import (
	"encoding/json"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// part is the part of a spec that only instances of one kind have. A zero part sets nothing.
type part interface {
	// validate returns findings for what is wrong within the part; paths start at its attributes'
	// names.
	validate() finding.List
	// validateNames returns findings for names that are not parameters.
	validateNames(parameters map[string]parameter.Parameter) finding.List
	// largest is the path of the member that takes the most bytes, and how many.
	largest() (finding.Path, int)
}

// parts returns the parts of all kinds.
func (s Spec) parts() []part { return []part{s.VM, s.Containers} }

// VM is the part of a spec that only virtual machines have.
type VM struct {
	CloudInit *cloudinit.Config `json:"cloud_init,omitempty"`
}

func (v VM) over(base VM) VM {
	if v.CloudInit != nil {
		base.CloudInit = v.CloudInit
	}
	return base
}

func (v VM) validate() finding.List { return v.CloudInit.Validate() }

func (v VM) validateNames(parameters map[string]parameter.Parameter) finding.List {
	return v.CloudInit.ValidateNames(parameters)
}

func (v VM) largest() (finding.Path, int) {
	if v.CloudInit == nil {
		return nil, 0
	}
	return finding.At("cloud_init").Name("user_data"), len(v.CloudInit.UserData)
}

// Containers is the part of a spec that only containers have.
type Containers struct {
	Container *container.Settings `json:"container,omitempty"`
}

func (c Containers) over(base Containers) Containers {
	if c.Container != nil {
		base.Container = c.Container
	}
	return base
}

func (c Containers) validate() finding.List { return c.Container.Validate() }

func (c Containers) validateNames(parameters map[string]parameter.Parameter) finding.List {
	return c.Container.ValidateNames(parameters)
}

func (c Containers) largest() (finding.Path, int) {
	if c.Container == nil {
		return nil, 0
	}
	text, _ := json.Marshal(c.Container) // it cannot fail: settings are texts, numbers and maps of them
	return finding.At("container"), len(text)
}
