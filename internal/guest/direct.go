package guest

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Direct is what a seed asks for, for a guest that does it by a script. The result is what
// cloud-init would make of the same seed.
type Direct struct {
	InstanceID string
	Hostname   string
	// Keys may log in as root and as the image's default user, one line each.
	Keys     []string
	Users    []DirectUser // by name
	Files    []DirectFile // in the order in which they are written
	Timezone string       // "" for the image's
	// Report is the path and content of the script that reports how everything went, and carries out
	// the rest; see report.go. It is nil if the guest has nothing to report.
	Report *DirectFile
	// Customizes says that the script is to be run with the argument customize as well.
	Customizes bool
}

// DirectUser is a login with its password locked.
type DirectUser struct {
	Name   string
	Groups []string // besides its own
	Keys   []string // one line each
	Sudo   string   // what sudoers says of the user; "" for nothing
	Shell  string   // "" for the distribution's default
}

// DirectFile is a file.
type DirectFile struct {
	Path        string
	Content     string // any bytes
	Permissions string // octal, of four digits
	Owner       string // user or user:group
	Deferred    bool   // after the users are created
}

// Direct returns what the seed asks for. If it asks for something that only cloud-init can do,
// reason says what, as in "install_packages", and there is nothing else.
func (s Seed) Direct() (d Direct, reason string, err error) {
	template, err := parseTemplate(s.VendorData)
	if err != nil {
		return Direct{}, "", err
	}
	c := s.Customization
	if c == nil {
		c = &Customization{}
	}
	own, err := parseCloudConfig(c.UserData)
	if err != nil {
		return Direct{}, "", err
	}
	switch {
	case len(template.Content) > 0:
		return Direct{}, "the template's cloud_init", nil
	case len(own.Content) > 0:
		return Direct{}, "user_data", nil
	case len(c.InstallPackages) > 0:
		return Direct{}, "install_packages", nil
	case c.OpenPorts != nil:
		return Direct{}, "open_ports", nil
	case c.Locale != "":
		return Direct{}, "locale", nil
	}
	if _, err := s.render(); err != nil { // refuses the same seeds
		return Direct{}, "", err
	}
	d = Direct{InstanceID: s.InstanceID, Hostname: s.Hostname, Timezone: c.Timezone, Customizes: !c.empty()}
	if d.Keys, err = s.keys(); err != nil {
		return Direct{}, "", err
	}
	for _, name := range sortedKeys(c.Users) {
		made, err := c.Users[name].made(name)
		if err != nil {
			return Direct{}, "", err
		}
		d.Users = append(d.Users, DirectUser{
			Name: name, Groups: plainTexts(made.Groups), Keys: plainTexts(made.SSHAuthorizedKeys),
			Sudo: string(made.Sudo), Shell: string(made.Shell),
		})
	}
	for _, path := range sortedKeys(c.Files) {
		f := c.Files[path].withDefaults()
		d.Files = append(d.Files, DirectFile{
			Path: path, Content: f.Content, Permissions: f.Permissions, Owner: f.Owner,
			Deferred: c.Files[path].written(path).Defer,
		})
	}
	if reports(template, c) {
		d.Report = &DirectFile{
			Path: scriptPath, Content: c.script(s.InstanceID), Permissions: "0700", Owner: DefaultOwner,
		}
	}
	return d, "", nil
}

func plainTexts(texts []text) []string {
	var plain []string
	for _, t := range texts {
		plain = append(plain, string(t))
	}
	return plain
}

// netplanHeader begins the file that cloud-init writes for netplan.
const netplanHeader = `# This file is generated from information provided by the datasource.  Changes
# to it will not persist across an instance reboot.  To disable cloud-init's
# network configuration capabilities, write a file
# /etc/cloud/cloud.cfg.d/99-disable-network-config.cfg with the following:
# network: {config: disabled}
`

// Netplan returns the file that cloud-init writes for netplan, if a seed has these interfaces. It is
// "" without any.
func Netplan(interfaces []NetworkInterface) (string, error) {
	rendered, err := renderNetwork(interfaces)
	if err != nil || rendered == nil {
		return "", err
	}
	var config yaml.Node
	if err := yaml.Unmarshal(rendered, &config); err != nil {
		return "", fmt.Errorf("reading network-config: %w", err)
	}
	var out bytes.Buffer
	out.WriteString(netplanHeader)
	encoder := yaml.NewEncoder(&out)
	if err := encoder.Encode(map[string]*yaml.Node{"network": config.Content[0]}); err != nil {
		return "", fmt.Errorf("writing netplan's configuration: %w", err)
	}
	return out.String(), nil
}
