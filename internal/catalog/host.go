package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// HostState is what the administrator of a catalog allows on a host.
type HostState string

const (
	// HostActive means that the host has instances and takes more. It is also the state of a host
	// without a document.
	HostActive HostState = "active"
	// HostDraining means that the host takes no instance that it does not have.
	HostDraining HostState = "draining"
	// HostMaintenance is as HostDraining, and plans move away the instances that the host has.
	HostMaintenance HostState = "maintenance"
	// HostLost means that the host is off for good, by the word of a person. It is not asked any more,
	// and its instances are gone.
	HostLost HostState = "lost"
)

// HostStates lists them.
func HostStates() []string {
	return []string{string(HostActive), string(HostDraining), string(HostMaintenance), string(HostLost)}
}

// Host is what the administrator of a catalog says of a host, for all tenants. Its key is its name.
type Host struct {
	Name        string    `json:"name"`            // its key among the provider's hosts
	State       HostState `json:"state,omitempty"` // "" for HostActive
	Description string    `json:"description,omitempty"`
}

// Takes reports whether the host takes instances that it does not have.
func (h Host) Takes() bool { return h.State == "" || h.State == HostActive }

// String is the state with its reason, as messages show it: "draining (new disks until Friday)".
func (h Host) String() string {
	text := string(h.State)
	switch h.State {
	case "":
		text = string(HostActive)
	case HostMaintenance:
		text = "in maintenance"
	}
	if h.Description != "" {
		text += " (" + h.Description + ")"
	}
	return text
}

// Validate returns findings for what is wrong. Paths start at the attributes' names.
func (h Host) Validate() finding.List {
	var fs finding.List
	if err := naming.ValidateHost(h.Name); err != nil {
		fs.Add(finding.At("name"), "Invalid name", finding.Sentence(err))
	}
	if h.State != "" && !slices.Contains(HostStates(), string(h.State)) {
		fs.Add(finding.At("state"), "Unknown state", fmt.Sprintf("%q is not a state. States are: %s.", h.State,
			strings.Join(HostStates(), ", ")))
	}
	return fs
}
