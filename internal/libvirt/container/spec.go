package container

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domain"
)

// render describes a container in libvirt's XML (https://libvirt.org/drvlxc.html).
func render(spec host.ContainerSpec) (string, error) {
	if err := check(spec); err != nil {
		return "", err
	}
	doc := libvirtxml.Domain{
		Type:        "lxc",
		Name:        spec.Name,
		UUID:        spec.UUID,
		Title:       spec.Title,
		Description: spec.Description,
		Memory:      &libvirtxml.DomainMemory{Unit: "MiB", Value: uint(spec.MemoryMiB)},
		VCPU:        &libvirtxml.DomainVCPU{Placement: "static", Value: uint(spec.VCPUs)},
		CPUTune: &libvirtxml.DomainCPUTune{
			Period: &libvirtxml.DomainCPUTunePeriod{Value: period},
			Quota:  &libvirtxml.DomainCPUTuneQuota{Value: quota(spec.VCPUs)},
		},
		OS: &libvirtxml.DomainOS{Type: &libvirtxml.DomainOSType{Type: "exe"}, Init: spec.Init},
		// Without this, a container without an interface would be in the host's network.
		Features:   &libvirtxml.DomainFeatureList{PrivNet: &libvirtxml.DomainFeature{}},
		Clock:      &libvirtxml.DomainClock{Offset: "utc"},
		OnPoweroff: "destroy",
		OnReboot:   "destroy",
		OnCrash:    "destroy",
		Devices: &libvirtxml.DomainDeviceList{
			Consoles: []libvirtxml.DomainConsole{{
				Source: &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}},
			}},
		},
	}
	for _, fs := range spec.Filesystems {
		doc.Devices.Filesystems = append(doc.Devices.Filesystems, filesystemDevice(fs))
	}
	for n, nic := range spec.Interfaces {
		doc.Devices.Interfaces = append(doc.Devices.Interfaces, interfaceDevice(nic, deviceName(n)))
	}
	if spec.Metadata != "" {
		metadata, err := domain.WithPrefix(spec.Metadata)
		if err != nil {
			return "", err
		}
		doc.Metadata = &libvirtxml.DomainMetadata{XML: metadata}
	}
	return doc.Marshal()
}

// The kernel gives a container its quota of processors' time in each period, in microseconds
// (Documentation/scheduler/sched-bwc.rst). The driver takes no notice of the number of vCPUs.
const period = 100_000

func quota(vcpus int) int64 { return int64(vcpus) * period }

func check(spec host.ContainerSpec) error {
	if spec.VCPUs < 1 {
		return fmt.Errorf("%d vCPUs: must be at least 1", spec.VCPUs)
	}
	if !path.IsAbs(spec.Init) {
		return fmt.Errorf("init %q: must be an absolute path", spec.Init)
	}
	root := false
	for _, fs := range spec.Filesystems {
		if err := checkFilesystem(fs); err != nil {
			return err
		}
		root = root || fs.Target == "/"
	}
	if !root { // libvirt would take that of the host
		return errors.New("it has no root: none of its filesystems has the target /")
	}
	for _, nic := range spec.Interfaces {
		if err := checkInterface(nic); err != nil {
			return err
		}
	}
	return nil
}

func checkFilesystem(fs host.Filesystem) error {
	switch {
	case !path.IsAbs(fs.Target):
		return fmt.Errorf("filesystem %q: its target must be an absolute path", fs.Target)
	case fs.Kind == host.FilesystemRAM && (fs.Source != "" || fs.Size < 1024 || fs.Size%1024 != 0 || fs.ReadOnly):
		return fmt.Errorf("filesystem %s: memory has no source, is writable, and has a size in whole KiB", fs.Target)
	case fs.Kind == host.FilesystemRAM:
		return nil
	case fs.Kind != host.FilesystemImage && fs.Kind != host.FilesystemFile:
		return fmt.Errorf("filesystem %s: of no kind that can be defined", fs.Target)
	case !path.IsAbs(fs.Source):
		return fmt.Errorf("filesystem %s: its source %q must be an absolute path", fs.Target, fs.Source)
	}
	return nil
}

func filesystemDevice(fs host.Filesystem) libvirtxml.DomainFilesystem {
	d := libvirtxml.DomainFilesystem{
		AccessMode: "passthrough",
		Source:     &libvirtxml.DomainFilesystemSource{},
		Target:     &libvirtxml.DomainFilesystemTarget{Dir: fs.Target},
	}
	switch fs.Kind {
	case host.FilesystemImage:
		if strings.HasPrefix(fs.Source, "/dev/") { // of logical and similar pools
			d.Source.Block = &libvirtxml.DomainFilesystemSourceBlock{Dev: fs.Source}
			break
		}
		d.Driver = &libvirtxml.DomainFilesystemDriver{Type: "loop", Format: "raw"}
		d.Source.File = &libvirtxml.DomainFilesystemSourceFile{File: fs.Source}
	case host.FilesystemFile:
		d.Source.Mount = &libvirtxml.DomainFilesystemSourceMount{Dir: fs.Source}
	case host.FilesystemRAM:
		d.Source.RAM = &libvirtxml.DomainFilesystemSourceRAM{Usage: uint(fs.Size >> 10), Units: "KiB"}
	}
	if fs.ReadOnly {
		d.ReadOnly = &libvirtxml.DomainFilesystemReadOnly{}
	}
	return d
}
