package metadata

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

// AddressingNote is an interface's Addressing as an instance's metadata keep it, because it is
// visible nowhere else: the guest is told once. Interfaces that only use DHCP have none.
type AddressingNote struct {
	Interface string `xml:"interface,attr"`
	DHCP      bool   `xml:"dhcp,attr"`
	// Multiple addresses are separated by spaces.
	Address string `xml:"address,attr,omitempty"`
	Gateway string `xml:"gateway,attr,omitempty"`
	DNS     string `xml:"dns,attr,omitempty"`
}

// NoteAddressing writes down the addressing of NICs that do more than use DHCP.
func NoteAddressing(nics []profile.NIC) []AddressingNote {
	var notes []AddressingNote
	for _, nic := range nics {
		if nic.IP.Equal(profile.Addressing{DHCP: true}) {
			continue
		}
		notes = append(notes, AddressingNote{
			Interface: nic.Name,
			DHCP:      nic.IP.DHCP,
			Address:   spaced(nic.IP.Addresses),
			Gateway:   spaced(nic.IP.Gateways),
			DNS:       spaced(nic.IP.DNS),
		})
	}
	return notes
}

func spaced[T fmt.Stringer](all []T) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.String()
	}
	return strings.Join(texts, " ")
}

// NotedAddressing is what NoteAddressing wrote down for an interface.
func NotedAddressing(notes []AddressingNote, name string) profile.Addressing {
	for _, note := range notes {
		if note.Interface == name {
			return (&profile.IPConfiguration{
				DHCP: &note.DHCP, StaticIPs: strings.Fields(note.Address), Gateways: strings.Fields(note.Gateway),
				DNS: strings.Fields(note.DNS),
			}).Addressing()
		}
	}
	return profile.Addressing{DHCP: true}
}

// ContainerNote is what the metadata of a container keep of how it runs. What it is told is in the
// volume of its configuration alone.
type ContainerNote struct {
	System     bool   `xml:"system,attr,omitempty"`     // process 1 is the image's own init
	Privileged bool   `xml:"privileged,attr,omitempty"` // without a user namespace
	Disk       string `xml:"disk,attr,omitempty"`       // the name of the system disk
	// Told identifies what the container was told, attribute by attribute.
	Told []ToldNote `xml:"told"`
}

// Untold is the note of a container that is being told something else: what it was told is not certain until
// that is done. A system keeps what its parameters are, which it is told only once.
func (n *ContainerNote) Untold() *ContainerNote {
	if n == nil {
		return nil
	}
	untold := *n
	untold.Told = slices.DeleteFunc(slices.Clone(n.Told), func(t ToldNote) bool {
		return !n.System || t.By != toldParameters
	})
	return &untold
}

// Certain reports whether it is known what the container was told last.
func (n ContainerNote) Certain() bool {
	return slices.ContainsFunc(n.Told, func(t ToldNote) bool { return t.By != toldParameters })
}

// toldParameters is what a ToldNote of parameters is By.
const toldParameters = "parameters"

// ToldNote identifies what a container was told by an attribute. Secrets do not enter into it.
type ToldNote struct {
	By     string `xml:"by,attr"`   // "container"; "" for all attributes, if none of them is secret
	Digest string `xml:",chardata"` // "sha256:HEX"
}
