// Package pci parses PCI addresses in libvirt's XML.
package pci

import (
	"cmp"
	"strconv"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// AddressXML is an address element, or the attributes of one.
type AddressXML struct {
	Domain   string `xml:"domain,attr"`
	Bus      string `xml:"bus,attr"`
	Slot     string `xml:"slot,attr"`
	Function string `xml:"function,attr"`
}

// Address parses the numbers, which libvirt writes as 0x1f.
func (doc AddressXML) Address() (host.PCIAddress, error) {
	var a host.PCIAddress
	for to, text := range map[*uint]string{
		&a.Domain: doc.Domain, &a.Bus: doc.Bus, &a.Slot: doc.Slot, &a.Function: doc.Function,
	} {
		n, err := strconv.ParseUint(cmp.Or(text, "0"), 0, 32)
		if err != nil {
			return a, virterr.Misread("a PCI address", err)
		}
		*to = uint(n)
	}
	return a, nil
}
