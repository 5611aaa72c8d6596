package guest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// fields are the attributes of a customization in cloud-init's terms, see
// https://docs.cloud-init.io/en/22.4.2/topics/modules.html. SSH keys are part of the identity.
type fields struct {
	Packages   []text      `yaml:"packages,omitempty"`
	Users      []any       `yaml:"users,omitempty"`
	BootCmd    []text      `yaml:"bootcmd,omitempty"`
	WriteFiles []writeFile `yaml:"write_files,omitempty"`
	RunCmd     []text      `yaml:"runcmd,omitempty"`
	Timezone   text        `yaml:"timezone,omitempty"`
	Locale     text        `yaml:"locale,omitempty"`
}

type user struct {
	Name              text   `yaml:"name"`
	Groups            []text `yaml:"groups,omitempty"`
	Shell             text   `yaml:"shell,omitempty"`
	Sudo              text   `yaml:"sudo,omitempty"`
	SSHAuthorizedKeys []text `yaml:"ssh_authorized_keys,omitempty"`
}

type writeFile struct {
	Path        text `yaml:"path"`
	Content     text `yaml:"content"`
	Encoding    text `yaml:"encoding,omitempty"`
	Permissions text `yaml:"permissions"`
	Owner       text `yaml:"owner"`
	// Files are written before users are created and packages are installed. cloud-init 21 and
	// newer write deferred files after both, and still before commands are run.
	Defer bool `yaml:"defer,omitempty"`
}

const usersField = "users"

// cloudConfig is the customization's own cloud-config: its attributes, with its user data laid over
// them. It also has the guest report, if the guest has anything to report. id is the instance's
// name in the report.
func (c *Customization) cloudConfig(template *yaml.Node, id string) (*yaml.Node, error) {
	if !reports(template, c) {
		return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}, nil
	}
	script := File{Content: c.script(id), Permissions: "0700"}.written(scriptPath)
	if c.empty() {
		return fields{WriteFiles: []writeFile{script}}.node()
	}
	own, err := parseCloudConfig(c.UserData)
	if err != nil {
		return nil, err
	}
	f := fields{Timezone: text(c.Timezone), Locale: text(c.Locale), RunCmd: []text{customizeCommand}}
	for _, name := range set(c.InstallPackages) {
		f.Packages = append(f.Packages, text(name))
	}
	// Naming users keeps cloud-init from creating the image's default user. So the default user is
	// named too, unless the template or the user data already names users.
	if len(c.Users) > 0 && valueOf(template, usersField) == nil && valueOf(own, usersField) == nil {
		f.Users = append(f.Users, text("default"))
	}
	for _, name := range sortedKeys(c.Users) {
		u, err := c.Users[name].made(name)
		if err != nil {
			return nil, err
		}
		f.Users = append(f.Users, u)
	}
	f.WriteFiles = []writeFile{script}
	if c.OpenPorts != nil {
		f.BootCmd = []text{text(earlyFirewall(c.OpenPorts))}
		f.WriteFiles = append(f.WriteFiles, firewallFiles(c.OpenPorts)...)
	}
	for _, path := range sortedKeys(c.Files) {
		f.WriteFiles = append(f.WriteFiles, c.Files[path].written(path))
	}
	lower, err := f.node()
	if err != nil {
		return nil, err
	}
	return layOver(lower, own)
}

func (f fields) node() (*yaml.Node, error) {
	var node yaml.Node
	if err := node.Encode(f); err != nil {
		return nil, fmt.Errorf("writing user data: %w", err)
	}
	return &node, nil
}

// made is the user as cloud-init creates it.
func (u User) made(name string) (user, error) {
	made := user{Name: text(name), Shell: text(u.Shell)}
	for _, group := range set(u.Groups) {
		made.Groups = append(made.Groups, text(group))
	}
	if u.Sudo {
		made.Sudo = "ALL=(ALL) NOPASSWD:ALL"
	}
	for _, element := range set(u.SSHAuthorizedKeys) {
		keys, err := publicKeys(element)
		if err != nil {
			return user{}, fmt.Errorf("SSH key of user %q: %w", name, err)
		}
		for _, key := range keys {
			made.SSHAuthorizedKeys = append(made.SSHAuthorizedKeys, text(key))
		}
	}
	return made, nil
}

// written is the file as cloud-init writes it.
func (f File) written(path string) writeFile {
	f = f.withDefaults()
	w := writeFile{Path: text(path), Content: text(f.Content), Permissions: text(f.Permissions), Owner: text(f.Owner)}
	w.Defer = f.Owner != "root" && f.Owner != DefaultOwner
	if !plainText(f.Content) {
		w.Content, w.Encoding = text(base64.StdEncoding.EncodeToString([]byte(f.Content))), "b64"
	}
	return w
}

// plainText reports whether all YAML readers and writers agree on a text.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '\n' && r != '\t' && (!unicode.IsPrint(r) || r > 0xffff)
	})
}

// scriptFirst moves the report script before all other files, so that it exists even if one of the
// others cannot be written.
func scriptFirst(config *yaml.Node) {
	files := valueOf(config, "write_files")
	if files == nil {
		return
	}
	at := slices.IndexFunc(files.Content, func(file *yaml.Node) bool {
		path := valueOf(file, "path")
		return path != nil && path.Value == scriptPath
	})
	if at > 0 {
		files.Content = slices.Concat(files.Content[at:at+1], files.Content[:at], files.Content[at+1:])
	}
}
