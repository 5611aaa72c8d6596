package attribute

import (
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Spec is the part of a model that templates and versions share. Embed it.
type Spec struct {
	HardwareProfile types.Object `tfsdk:"hardware_profile"`
	NetworkProfile  types.Object `tfsdk:"network_profile"`
	StorageProfile  types.Object `tfsdk:"storage_profile"`
	Parameters      types.Map    `tfsdk:"parameters"`
	CloudInit       types.Object `tfsdk:"cloud_init"`
	Container       types.Object `tfsdk:"container"`
}

// Core reads the spec.
func (s Spec) Core() catalog.Spec {
	var c catalog.Spec
	c.Hardware, _ = Hardware(s.HardwareProfile)
	c.Network, _ = Network(s.NetworkProfile)
	c.Storage, _ = Storage(s.StorageProfile)
	c.Parameters, _ = Parameters(s.Parameters)
	c.CloudInit, _ = CloudInit(s.CloudInit)
	c.Container, _ = Container(s.Container)
	return c
}

// Validate reports mistakes that can already be known.
func (s Spec) Validate() finding.List {
	var fs finding.List
	hardware, _ := Hardware(s.HardwareProfile) // unknown leaves count as unset
	fs = append(fs, hardware.Validate()...)
	network, _ := Network(s.NetworkProfile)
	fs = append(fs, network.Validate()...)
	fs = append(fs, ValidateStorage(s.StorageProfile)...)
	if declared, known := Parameters(s.Parameters); known {
		fs = append(fs, parameter.Validate(declared)...)
	}
	cloudInit, _ := CloudInit(s.CloudInit)
	fs = append(fs, cloudInit.Validate()...)
	settings, _ := Container(s.Container)
	return append(fs, settings.Validate()...)
}

// ValidateWhole reports what does not fit together in the complete spec of a template of a type,
// which no other spec overrides or completes. While something is unknown, it reports only what the
// type does not have. "" is a type that is not known yet.
func (s Spec) ValidateWhole(of string) finding.List {
	if !s.Known() {
		return s.Core().ValidateFor(of)
	}
	return s.Core().ValidateWhole(of)
}

// ValidateStorage reports mistakes in a storage_profile that can already be known. Which disk is
// the system disk, and which one the machine starts from, depends on all disks. So ValidateStorage
// checks neither while the number of disks or their roles are unknown.
func ValidateStorage(o types.Object) finding.List {
	storage, known := Storage(o)
	if known {
		return storage.Validate()
	}
	disks, ok := o.Attributes()["disks"].(types.Map)
	if !ok || disks.IsUnknown() {
		return nil
	}
	for _, element := range disks.Elements() {
		disk, ok := element.(types.Object)
		if !ok || disk.IsUnknown() || disk.Attributes()["is_system_disk"].IsUnknown() ||
			disk.Attributes()["is_boot"].IsUnknown() || disk.Attributes()["mount_path"].IsUnknown() {
			return storage.ValidateDisks()
		}
	}
	return storage.Validate()
}

// Known reports whether no part of the spec is unknown.
func (s Spec) Known() bool {
	_, hardware := Hardware(s.HardwareProfile)
	_, network := Network(s.NetworkProfile)
	_, storage := Storage(s.StorageProfile)
	_, parameters := Parameters(s.Parameters)
	_, cloudInit := CloudInit(s.CloudInit)
	_, settings := Container(s.Container)
	return hardware && network && storage && parameters && cloudInit && settings
}

// Refresh copies what the catalog has. Equivalent values stay as the user wrote them.
func (s *Spec) Refresh(c catalog.Spec) {
	prior := s.Core()
	s.HardwareProfile = keep(s.HardwareProfile, prior.Hardware, c.Hardware, HardwareObject)
	s.NetworkProfile = keep(s.NetworkProfile, prior.Network, c.Network, NetworkObject)
	s.StorageProfile = keep(s.StorageProfile, prior.Storage, c.Storage, StorageObject)
	s.Parameters = keep(s.Parameters, prior.Parameters, c.Parameters, ParametersMap)
	s.CloudInit = keep(s.CloudInit, prior.CloudInit, c.CloudInit, CloudInitObject)
	s.Container = keep(s.Container, prior.Container, c.Container, ContainerObject)
}

// keep returns the written value if it means the same as the current one, and writes the current
// one otherwise.
func keep[V attr.Value, T any](written V, prior, current T, write func(T) V) V {
	if reflect.DeepEqual(prior, current) {
		return written
	}
	return write(current)
}

// NoSpec returns a spec without any settings.
func NoSpec() Spec {
	return Spec{
		HardwareProfile: HardwareObject(nil), NetworkProfile: NetworkObject(nil), StorageProfile: StorageObject(nil),
		Parameters: ParametersMap(nil), CloudInit: CloudInitObject(nil), Container: ContainerObject(nil),
	}
}
