package kind

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// Conditions that a new instance can be waited for.
const (
	WaitIP        = "ip"         // an address is known
	WaitAgent     = "agent"      // the guest agent answers
	WaitCloudInit = "cloud_init" // cloud-init is done
	WaitRunning   = "running"    // the application of a container runs
	WaitHealthy   = "healthy"    // the health check of a container has succeeded
	WaitExited    = "exited"     // the application of a container has exited with 0
	// NoReport is not a condition: it says not to wait for the guest's report of its first boot.
	NoReport = "no_report"
)

// Conditions lists the values of a wait, NoReport included.
func Conditions() []string {
	return []string{WaitIP, WaitAgent, WaitCloudInit, WaitRunning, WaitHealthy, WaitExited, NoReport}
}

// AwaitsReport reports whether waiting for a first boot with these conditions includes the guest's
// report of it.
func AwaitsReport(conditions []string) bool {
	return len(conditions) > 0 && !slices.Contains(conditions, NoReport)
}

// What a guest does that is to be resumed and cannot be.
const (
	NoWarmBoot = "boot" // it boots, as that of a linked clone
	NoWarmFail = "fail" // there is no instance
)

// Request is an instance as its user asks for it.
type Request struct {
	Name        string
	Description string
	Template    catalog.TemplateID
	Version     string            // exact, as resolved
	Strategy    catalog.Strategy  // "" for the template's
	Given       parameter.Given   // the parameters
	Hardware    *profile.Hardware // these override the version's, field by field
	Network     *profile.Network
	Storage     *profile.Storage
	// Container overrides the version's settings of a container, field by field; nil for nothing, and
	// for other kinds.
	Container *container.Settings
	// Undecided says that something of Container is not known yet: that is left out of it.
	Undecided bool
	// OnNoWarm is what happens if the guest is to be resumed and cannot be: NoWarmBoot or NoWarmFail;
	// "" for the first.
	OnNoWarm string
	// Customization is what the guest does at first boot; nil for nothing.
	Customization *guest.Customization
	// Seeded says that the request is for an instance that was already told what to do at its first
	// boot, which is then not checked again.
	Seeded bool
	// Retold says that secrets have changed since the instance was told them.
	Retold bool
	// Boots says that the guest boots, whatever its strategy says, because it gets another system
	// disk.
	Boots bool
	Options
}

// Overrides are what a request lays over a version's spec.
type Overrides struct {
	Hardware *profile.Hardware
	Network  *profile.Network
	Storage  *profile.Storage
	// Container says that there are settings of a container, too, of which its host keeps only a
	// digest.
	Container bool
}

// Options are what may change about an instance at any time.
type Options struct {
	Labels             map[string]string
	Running            bool
	Autostart          bool
	DeletionProtection bool
	WaitFor            []string
	WaitDefault        bool // wait for what suits the instance, instead of WaitFor
}
