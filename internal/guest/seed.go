// Package guest is what a guest is told: the cloud-init seed that it finds at first boot, and the
// validation of what goes into it. Package agent asks a running guest.
package guest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

// Seed is what cloud-init is told at first boot, in the form of its NoCloud data source.
type Seed struct {
	// InstanceID is cloud-init's id of the instance: a new one makes it run its per-instance
	// modules again. It consists of letters, digits and ._:- only, because it becomes a directory
	// under /var/lib/cloud/instances.
	InstanceID string
	// Hostname is a name that ValidHostname accepts.
	Hostname string
	// SSHAuthorizedKeys may log in as root and as the image's default user. Each
	// element is a text that ValidSSHKey accepts and may hold several keys.
	SSHAuthorizedKeys []string
	// VendorData is the template's cloud-config, with its parameters filled in, or "". It
	// begins with its #cloud-config line.
	VendorData string
	// Customization is what the instance itself asks for; nil for nothing. It is merged with
	// VendorData by the rules in merge.go.
	Customization *Customization
	// NetworkInterfaces are the interfaces to configure. Without any, cloud-init falls back to DHCP
	// on the first interface that it finds.
	NetworkInterfaces []NetworkInterface
}

// Files are the files of a NoCloud seed. They may hold secrets.
type Files struct {
	UserData []byte
	MetaData []byte
	// NetworkConfig is nil if nothing is to be said about the network.
	NetworkConfig []byte
	// VendorData is nil if the template has none.
	VendorData []byte
}

var instanceIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)

// text is a string that every YAML parser reads as a string: it is always in double quotes, because
// cloud-init reads YAML 1.1, in which a plain no is false and 1:30 is 90.
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

// Render writes the seed's files. The same seed always gives the same bytes. It fails if the guest
// could not use a field; its errors quote neither keys nor user data.
func (s Seed) Render() (Files, error) {
	files, err := s.render()
	if err != nil {
		return Files{}, fmt.Errorf("cloud-init seed of instance %q: %w", s.InstanceID, err)
	}
	return files, nil
}

func (s Seed) render() (Files, error) {
	if !instanceIDForm.MatchString(s.InstanceID) {
		return Files{}, errors.New("the instance ID must be 1 to 128 letters, digits and ._:- and begin with a " +
			"letter or digit")
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
		files.VendorData = []byte(strings.TrimPrefix(s.VendorData, cloudinit.ByteOrderMark))
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

// ISO renders the seed as the medium that the guest finds; see Files.ISO.
func (s Seed) ISO() ([]byte, error) {
	files, err := s.Render()
	if err != nil {
		return nil, err
	}
	return files.ISO()
}
