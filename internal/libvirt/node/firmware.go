package node

import (
	"context"
	"slices"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Firmwares returns the firmware that libvirt can choose by itself, for domains of that type (kvm
// or qemu) on the host's default machine: bios, efi. The BIOS also works if it is not listed.
func (m *Node) Firmwares(ctx context.Context, domainType string) ([]string, error) {
	const object = "domain capabilities"
	text, err := patiently(ctx, m, object, func(l *libvirt.Libvirt) (string, error) {
		return l.ConnectGetDomainCapabilities(nil, nil, nil, libvirt.OptString{domainType}, 0)
	})
	if err != nil {
		return nil, err
	}
	found, err := parseFirmwares(text)
	return found, virterr.Fail("reading", object, err)
}

// parseFirmwares parses the XML described at
// https://libvirt.org/formatdomaincaps.html#bios-bootloader.
func parseFirmwares(text string) ([]string, error) {
	var doc struct {
		Enums []struct {
			Name   string   `xml:"name,attr"`
			Values []string `xml:"value"`
		} `xml:"os>enum"`
	}
	if err := virterr.Understand("the domain capabilities", text, &doc); err != nil {
		return nil, err
	}
	for _, enum := range doc.Enums {
		if enum.Name == "firmware" {
			return slices.Clone(enum.Values), nil
		}
	}
	return nil, nil
}
