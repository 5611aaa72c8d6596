package domain

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/pci"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// domainDoc is the part of libvirt's domain XML that is read
// (https://libvirt.org/formatdomain.html).
type domainDoc struct {
	XMLName     xml.Name `xml:"domain"`
	Type        string   `xml:"type,attr"`
	Name        string   `xml:"name"`
	UUID        string   `xml:"uuid"`
	Title       string   `xml:"title"`
	Description string   `xml:"description"`
	Metadata    struct {
		Inner string `xml:",innerxml"`
	} `xml:"metadata"`
	Memory memoryDoc `xml:"memory"`
	VCPUs  int       `xml:"vcpu"`
	OS     struct {
		Firmware string `xml:"firmware,attr"`
	} `xml:"os"`
	CPU struct {
		Mode     string      `xml:"mode,attr"`
		Model    string      `xml:"model"`
		Topology topologyDoc `xml:"topology"`
	} `xml:"cpu"`
	Disks []struct {
		Device string `xml:"device,attr"`
		Driver struct {
			Type    string `xml:"type,attr"`
			Discard string `xml:"discard,attr"`
		} `xml:"driver"`
		Source struct {
			File   string `xml:"file,attr"`
			Dev    string `xml:"dev,attr"`
			Pool   string `xml:"pool,attr"`
			Volume string `xml:"volume,attr"`
		} `xml:"source"`
		Target struct {
			Dev      string `xml:"dev,attr"`
			Rotation uint   `xml:"rotation_rate,attr"`
		} `xml:"target"`
		Boot struct {
			Order uint `xml:"order,attr"`
		} `xml:"boot"`
		Alias aliasDoc `xml:"alias"`
	} `xml:"devices>disk"`
	Interfaces []struct {
		MAC struct {
			Address string `xml:"address,attr"`
		} `xml:"mac"`
		Source struct {
			Network string `xml:"network,attr"`
			Bridge  string `xml:"bridge,attr"`
		} `xml:"source"`
		Model struct {
			Type string `xml:"type,attr"`
		} `xml:"model"`
		VLAN []struct {
			ID uint `xml:"id,attr"`
		} `xml:"vlan>tag"`
		Filter struct {
			Name string `xml:"filter,attr"`
		} `xml:"filterref"`
		Guest struct {
			Device string `xml:"dev,attr"`
		} `xml:"guest"`
		Alias aliasDoc `xml:"alias"`
	} `xml:"devices>interface"`
	Filesystems []filesystemDoc `xml:"devices>filesystem"`
	Host        []struct {
		Type    string         `xml:"type,attr"`
		Address pci.AddressXML `xml:"source>address"`
		Alias   aliasDoc       `xml:"alias"`
	} `xml:"devices>hostdev"`
}

type aliasDoc struct {
	Name string `xml:"name,attr"`
}

type memoryDoc struct {
	Unit  string `xml:"unit,attr"`
	Value uint64 `xml:",chardata"`
}

// memoryUnits are libvirt's scaled integers; KiB if there is no unit.
var memoryUnits = map[string]uint64{
	"": 1 << 10, "b": 1, "bytes": 1, "KB": 1e3, "k": 1 << 10, "KiB": 1 << 10, "MB": 1e6, "M": 1 << 20, "MiB": 1 << 20,
	"GB": 1e9, "G": 1 << 30, "GiB": 1 << 30, "TB": 1e12, "T": 1 << 40, "TiB": 1 << 40,
}

func (m memoryDoc) mib() (uint64, error) {
	bytes, err := m.bytes()
	return bytes >> 20, err
}

func (m memoryDoc) bytes() (uint64, error) {
	unit, ok := memoryUnits[m.Unit]
	if !ok || m.Value > math.MaxUint64/unit {
		return 0, fmt.Errorf("understanding the domain's XML: memory of %d %q", m.Value, m.Unit)
	}
	return m.Value * unit, nil
}

type topologyDoc struct {
	Sockets  int `xml:"sockets,attr"`
	Dies     int `xml:"dies,attr"`
	Clusters int `xml:"clusters,attr"`
	Cores    int `xml:"cores,attr"`
	Threads  int `xml:"threads,attr"`
}

// within returns how many vCPUs a core has, times the levels between socket and core that novacron
// does not name.
func (t topologyDoc) within() int { return max(t.Dies, 1) * max(t.Clusters, 1) * max(t.Threads, 1) }

// shape returns the sockets and cores of a domain. Without a topology each vCPU is a socket, as in
// libvirt.
func (doc *domainDoc) shape() (sockets, cores int) {
	if t := doc.CPU.Topology; t.Sockets > 0 && t.Cores > 0 {
		return t.Sockets, t.Cores
	}
	return doc.VCPUs, 1
}

func parseDomain(text string) (host.Domain, error) {
	var doc domainDoc
	if err := virterr.Understand("the domain's XML", text, &doc); err != nil {
		return host.Domain{}, err
	}
	memory, err := doc.Memory.mib()
	if err != nil {
		return host.Domain{}, err
	}
	metadata, err := ownMetadata(doc.Metadata.Inner)
	if err != nil {
		return host.Domain{}, virterr.Misread("the domain's XML", err)
	}
	d := host.Domain{
		UUID: doc.UUID, Name: doc.Name, Title: doc.Title, Description: doc.Description, Type: doc.Type,
		CPU: doc.CPU.Mode, MemoryMiB: memory, Metadata: metadata, Firmware: doc.OS.Firmware,
	}
	d.Sockets, d.Cores = doc.shape()
	if doc.CPU.Model != "" && (d.CPU == "custom" || d.CPU == "") {
		d.CPU = doc.CPU.Model
	}
	for _, disk := range doc.Disks {
		d.Disks = append(d.Disks, host.DomainDisk{
			Name:           named(disk.Alias, host.DiskID("")),
			Target:         disk.Target.Dev,
			Format:         disk.Driver.Type,
			Path:           cmp.Or(disk.Source.File, disk.Source.Dev),
			Pool:           disk.Source.Pool,
			Volume:         disk.Source.Volume,
			CDROM:          disk.Device == "cdrom",
			Rotation:       disk.Target.Rotation,
			KeepsDiscarded: disk.Driver.Discard == "ignore",
			Boot:           disk.Boot.Order,
		})
	}
	for _, fs := range doc.Filesystems {
		d.Filesystems = append(d.Filesystems, fs.filesystem())
	}
	for _, nic := range doc.Interfaces {
		read := host.DomainInterface{
			Name: named(nic.Alias, host.InterfaceID("")), MAC: nic.MAC.Address,
			Network: nic.Source.Network, Bridge: nic.Source.Bridge, Model: nic.Model.Type, Filter: nic.Filter.Name,
			Device: nic.Guest.Device,
		}
		if len(nic.VLAN) == 1 {
			read.VLAN = nic.VLAN[0].ID
		}
		d.Interfaces = append(d.Interfaces, read)
	}
	for _, device := range doc.Host {
		if device.Type != "pci" {
			continue
		}
		address, err := device.Address.Address()
		if err != nil {
			return host.Domain{}, err
		}
		d.Passthrough = append(d.Passthrough, host.PassthroughDevice{
			Name: named(device.Alias, host.PassthroughID("")), Address: address,
		})
	}
	return d, nil
}

// named returns the name in one of novacron's aliases.
func named(a aliasDoc, prefix host.DeviceID) string {
	name, ours := strings.CutPrefix(a.Name, string(prefix))
	if !ours {
		return ""
	}
	return name
}
