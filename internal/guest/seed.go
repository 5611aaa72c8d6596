// Package guest is what a guest is told and asked: the cloud-init seed that it
// finds at first boot, and the QEMU guest agent that answers from inside.
package guest

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Seed is what cloud-init is told at first boot, in the form of its NoCloud data source.
type Seed struct {
	// InstanceID is what cloud-init knows the instance by: a new one makes it run its
	// per-instance modules again. Letters, digits and ._:- only, since it becomes a
	// directory under /var/lib/cloud/instances.
	InstanceID string
	// Hostname is a name that ValidHostname accepts.
	Hostname string
	// SSHAuthorizedKeys may log in as root and as the image's default user. Each
	// element is a text that ValidSSHKey accepts and may hold several keys.
	SSHAuthorizedKeys []string
	// VendorData is the template's cloud-config, with its parameters filled in, or "". It
	// begins with its #cloud-config line.
	VendorData string
	// Customization is what the instance itself asks for; nil for nothing. What it says
	// is joined with VendorData by the rules in merge.go.
	Customization *Customization
	// NetworkInterfaces get their addresses by DHCP. Without any, cloud-init falls
	// back to DHCP on the first interface that it finds.
	NetworkInterfaces []NetworkInterface
}

// NetworkInterface is found in the guest by its MAC address, since names depend on
// the guest's kernel and on PCI slots.
type NetworkInterface struct {
	// Name is unique in the guest. One like eth0 is given to the interface; any other
	// is the name of its configuration only.
	Name string
	// MAC is a 48-bit address such as 52:54:00:12:34:56.
	MAC string
}

// Files are the files of a NoCloud seed. They may hold secrets.
type Files struct {
	UserData []byte
	MetaData []byte
	// NetworkConfig is nil where there is nothing to say about the network.
	NetworkConfig []byte
	// VendorData is nil where the template says nothing.
	VendorData []byte
}

var (
	instanceIDForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)
	interfaceNameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`) // becomes an ID of netplan
	kernelNameForm    = regexp.MustCompile(`^eth[0-9]{1,3}$`)
)

// text is a string that every YAML parser takes for one: always in double quotes,
// since cloud-init reads YAML 1.1, to which a plain no is false and 1:30 is 90.
type text string

func (t text) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: string(t)}, nil
}

// metaData is NoCloud's meta-data, see
// https://docs.cloud-init.io/en/22.4.2/topics/datasources/nocloud.html.
type metaData struct {
	InstanceID    text `yaml:"instance-id"`
	LocalHostname text `yaml:"local-hostname"`
}

// networkConfig is cloud-init's network configuration format version 2, see
// https://docs.cloud-init.io/en/22.4.2/topics/network-config-format-v2.html.
type networkConfig struct {
	Version   int               `yaml:"version"`
	Ethernets map[text]ethernet `yaml:"ethernets"`
}

type ethernet struct {
	Match struct {
		MACAddress text `yaml:"macaddress"`
	} `yaml:"match"`
	SetName text `yaml:"set-name,omitempty"`
	DHCP4   bool `yaml:"dhcp4"`
	DHCP6   bool `yaml:"dhcp6"`
}

// Render writes the seed's files. The same seed always gives the same bytes. It
// fails where the guest could not use a field; its errors quote neither keys nor
// user data.
func (s Seed) Render() (Files, error) {
	files, err := s.render()
	if err != nil {
		return Files{}, fmt.Errorf("cloud-init seed of instance %q: %w", s.InstanceID, err)
	}
	return files, nil
}

func (s Seed) render() (Files, error) {
	if !instanceIDForm.MatchString(s.InstanceID) {
		return Files{}, errors.New("the instance ID must be 1 to 128 letters, digits and ._:- and begin with a letter or digit")
	}
	if err := ValidHostname(s.Hostname); err != nil {
		return Files{}, err
	}
	keys, err := s.keys()
	if err != nil {
		return Files{}, err
	}
	template, err := parseTemplate(s.VendorData)
	if err != nil {
		return Files{}, err
	}
	if err := s.Customization.Validate("").Err(); err != nil {
		return Files{}, err
	}
	var files Files
	if files.UserData, err = renderUserData(s.Hostname, keys, template, s.Customization, s.InstanceID); err != nil {
		return Files{}, err
	}
	if s.VendorData != "" {
		files.VendorData = []byte(s.VendorData)
	}
	if files.MetaData, err = yaml.Marshal(metaData{text(s.InstanceID), text(s.Hostname)}); err != nil {
		return Files{}, fmt.Errorf("writing meta-data: %w", err)
	}
	if files.NetworkConfig, err = renderNetwork(s.NetworkInterfaces); err != nil {
		return Files{}, err
	}
	return files, nil
}

// keys returns each key once, in the order given.
func (s Seed) keys() ([]string, error) {
	var keys []string
	seen := map[string]bool{}
	elements := s.SSHAuthorizedKeys
	if s.Customization != nil {
		elements = slices.Concat(elements, set(s.Customization.SSHAuthorizedKeys))
	}
	for i, element := range elements {
		lines, err := publicKeys(element)
		if err != nil {
			return nil, fmt.Errorf("SSH key %d of %d: %w", i+1, len(elements), err)
		}
		for _, line := range lines {
			if !seen[line] {
				seen[line] = true
				keys = append(keys, line)
			}
		}
	}
	return keys, nil
}

func renderNetwork(interfaces []NetworkInterface) ([]byte, error) {
	if len(interfaces) == 0 {
		return nil, nil
	}
	config := networkConfig{Version: 2, Ethernets: map[text]ethernet{}}
	owner := map[text]string{}
	for _, nic := range interfaces {
		if !interfaceNameForm.MatchString(nic.Name) {
			return nil, fmt.Errorf("network interface %q: the name must be 1 to 63 letters, digits and ._- and begin with a letter or digit", nic.Name)
		}
		if _, taken := config.Ethernets[text(nic.Name)]; taken {
			return nil, fmt.Errorf("network interface %q: the name is used twice; give each interface its own", nic.Name)
		}
		mac, err := net.ParseMAC(nic.MAC)
		if err != nil || len(mac) != 6 {
			return nil, fmt.Errorf("network interface %q: %q is not a MAC address like 52:54:00:12:34:56", nic.Name, nic.MAC)
		}
		address := text(strings.ToLower(mac.String()))
		if other, taken := owner[address]; taken {
			return nil, fmt.Errorf("network interface %q: the MAC address %s is also that of %q; the guest could not tell them apart", nic.Name, address, other)
		}
		owner[address] = nic.Name
		entry := ethernet{DHCP4: true}
		entry.Match.MACAddress = address
		if kernelNameForm.MatchString(nic.Name) {
			entry.SetName = text(nic.Name)
		}
		config.Ethernets[text(nic.Name)] = entry
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("writing network-config: %w", err)
	}
	return out, nil
}
