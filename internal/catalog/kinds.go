package catalog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// NoCloudInit says what users of an application container do instead of configuring cloud-init.
const NoCloudInit = "An application container has no cloud-init: use container.env, customization.files or " +
	"container.init = \"system\"."

// notSupported is the summary of findings about what templates of a type do not have.
const notSupported = "Not supported by this type of template"

// CloudInit reports whether cloud-init configures instances of a type that have these settings; nil
// for none.
func CloudInit(of string, settings *container.Settings) bool {
	return of != TypeContainer || settings.System()
}

// CheckImage returns findings for a system disk that is too small for an image of that virtual size
// (bytes), in a spec of a template of a type. The system disk of a container lies over the image, and
// has any size.
func (s Spec) CheckImage(of string, virtualSize int64) finding.List {
	if of == TypeContainer {
		return nil
	}
	return s.Storage.CheckImage(virtualSize)
}

// ValidateInstance returns findings for what an instance asks for beyond its version's spec, for a
// template of a type: asked has its profiles and settings. undecided says that some of the settings
// of a container are not known yet, so that what does not fit together in them is not certain.
// Findings are at attributes of the instance.
func ValidateInstance(of string, version, asked Spec, undecided bool) finding.List {
	fs := append(asked.Container.Validate(), asked.Container.ValidateNames(version.Parameters)...)
	fs = append(fs, asked.ValidateFor(of)...)
	whole := version
	whole.Storage, whole.Container = asked.Storage.Over(version.Storage), asked.Container.Over(version.Container)
	for _, f := range whole.validateKind(of) {
		switch f.Path[0].Name { // instances have neither: it is the instance that has another init
		case "cloud_init":
			f.Path = finding.At("container").Name("init")
			f.Detail = "The version has cloud_init. " + f.Detail
		case "parameters":
			f.Path = finding.At("container").Name("init")
		}
		if !undecided || f.Path[0].Name != "container" {
			fs = append(fs, f)
		}
	}
	return fs
}

// GrantsPrivileges reports whether settings of a version make a container privileged whose own do
// not say that it is. Both may be nil.
func GrantsPrivileges(version, asked *container.Settings) bool {
	is := func(s *container.Settings) bool { return s != nil && s.Privileged != nil && *s.Privileged }
	return is(asked.Over(version)) && !is(asked)
}

// ValidateFor returns findings for what the spec sets and templates of a type do not have, whatever
// the spec is laid over. Of a type that is not known, "" included, it returns none.
func (s Spec) ValidateFor(of string) finding.List {
	switch of {
	case TypeVM:
		return s.beyondMachines()
	case TypeContainer:
		return s.beyondContainers()
	}
	return nil
}

// beyondMachines returns findings for what machines do not have.
func (s Spec) beyondMachines() finding.List {
	var fs finding.List
	if s.Container != nil {
		fs.Add(finding.At("container"), notSupported,
			"A template of the type \"vm\" has no container: leave it out, or "+
				"use the type \"container\".")
	}
	for _, name := range s.diskNames() {
		if mount := s.Storage.Disks[name].MountPath; mount != nil {
			fs.Add(diskAt(name).Name("mount_path"), notSupported, fmt.Sprintf("The guest of a virtual machine mounts "+
				"disk %q, not the host: leave mount_path = %q out, and mount the disk by cloud-init.", name, *mount))
		}
	}
	return fs
}

// beyondContainers returns findings for what containers do not have.
func (s Spec) beyondContainers() finding.List {
	var fs finding.List
	refuse := func(at finding.Path, set bool, value any, why string) {
		if set {
			fs.Add(at, notSupported, fmt.Sprintf("%s: leave %s = %s out.", why, at[len(at)-1].Name, written(value)))
		}
	}
	at := finding.At("hardware_profile")
	if h := s.Hardware; h != nil {
		const cpu = "A container runs on the host's own processors"
		refuse(at.Name("cpu_type"), h.CPUType != nil, h.CPUType, cpu)
		refuse(at.Name("firmware"), h.Firmware != nil, h.Firmware, "A container has no firmware")
		refuse(at.Name("gpu_count"), h.GPUCount != nil, h.GPUCount, "A container gets no GPU for itself")
		refuse(at.Name("gpu_type"), h.GPUType != nil, h.GPUType, "A container gets no GPU for itself")
	}
	if s.Network != nil {
		for _, name := range naming.SortedNames(s.Network.Interfaces) {
			i, at := s.Network.Interfaces[name], finding.At("network_profile").Name("interfaces").Key(name)
			refuse(at.Name("type"), i.Model != nil, i.Model,
				fmt.Sprintf("Interface %q of a container is not a network card", name))
			refuse(at.Name("vlan"), i.VLAN != nil, i.VLAN,
				fmt.Sprintf("Interface %q of a container cannot have a VLAN tag", name))
		}
	}
	for _, name := range s.diskNames() {
		d, at := s.Storage.Disks[name], diskAt(name)
		refuse(at.Name("type"), d.Type != nil, d.Type,
			fmt.Sprintf("Disk %q of a container is a file system, and not a device", name))
		refuse(at.Name("is_boot"), d.Boot != nil, d.Boot,
			fmt.Sprintf("A container does not boot, so disk %q has no part in that", name))
		if d.MountPath == nil {
			continue
		}
		if problem := container.MountProblem(*d.MountPath); problem != "" {
			fs.Add(at.Name("mount_path"), "Invalid path", fmt.Sprintf("Disk %q cannot be mounted: %s", name, problem))
		}
	}
	return fs
}

// written is a value as a configuration has it.
func written(value any) string {
	switch v := value.(type) {
	case *string:
		return fmt.Sprintf("%q", *v)
	case *int64:
		return fmt.Sprint(*v)
	case *bool:
		return fmt.Sprint(*v)
	}
	return fmt.Sprint(value)
}

// validateKind returns findings for what does not fit together in a complete spec of a type.
func (s Spec) validateKind(of string) finding.List {
	if of != TypeContainer {
		return nil
	}
	fs := s.Container.ValidateWhole()
	if s.CloudInit != nil && !CloudInit(of, s.Container) {
		fs.Add(finding.At("cloud_init"), notSupported, NoCloudInit)
	}
	for _, name := range naming.SortedNames(s.Parameters) {
		if s.Parameters[name].Target == parameter.TargetSSHKey && !CloudInit(of, s.Container) {
			fs.Add(finding.At("parameters").Key(name).Name("target"), notSupported, fmt.Sprintf("Nothing reads the "+
				"parameter %q, whose target is %q. %s", name, parameter.TargetSSHKey, NoCloudInit))
		}
	}
	return append(fs, s.validateMounts()...)
}

// validateMounts returns findings for data disks without a mount path, a system disk with one, and
// for two mounts at one path.
func (s Spec) validateMounts() finding.List {
	var fs finding.List
	type mount struct {
		path, what string
		at         finding.Path
	}
	var mounts []mount
	for _, drive := range s.Storage.Drives() {
		at := diskAt(drive.Name)
		switch {
		case drive.System && drive.MountPath != "":
			fs.Add(at.Name("mount_path"), "System disk with a mount path", fmt.Sprintf("Disk %q is the system disk, "+
				"which a container has at /: leave mount_path = %q out.", drive.Name, drive.MountPath))
		case drive.System:
		case drive.MountPath == "":
			fs.Add(at.Name("mount_path"), "Missing mount path", fmt.Sprintf("Disk %q is a data disk of a container: "+
				"set mount_path to the directory where the container has it, such as \"/var/lib/data\".", drive.Name))
		default:
			mounts = append(mounts, mount{drive.MountPath, fmt.Sprintf("disk %q", drive.Name), at.Name("mount_path")})
		}
	}
	if s.Container != nil {
		for _, path := range naming.SortedNames(s.Container.Tmpfs) {
			mounts = append(mounts, mount{path, "a tmpfs", finding.At("container").Name("tmpfs").Key(path)})
		}
	}
	slices.SortStableFunc(mounts, func(a, b mount) int { return cmp.Compare(a.path, b.path) })
	for i, m := range mounts {
		if i > 0 && mounts[i-1].path == m.path {
			fs.Add(m.at, "Two mounts at one path", fmt.Sprintf("At %q, there is already %s: use another path for %s.",
				m.path, mounts[i-1].what, m.what))
		}
	}
	return fs
}

func diskAt(name string) finding.Path { return finding.At("storage_profile").Name("disks").Key(name) }

func (s Spec) diskNames() []string {
	if s.Storage == nil {
		return nil
	}
	return naming.SortedNames(s.Storage.Disks)
}
