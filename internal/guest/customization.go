package guest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Customization is what one instance asks of its guest beyond what its template does. It takes
// effect at first boot. A nil one asks for nothing.
type Customization struct {
	InstallPackages []string `json:"install_packages,omitempty"` // as the guest's package manager names them
	// OpenPorts are the TCP and UDP ports that stay reachable besides SSH. nil leaves the guest's
	// firewall alone; an empty list leaves SSH only.
	OpenPorts []int64 `json:"open_ports,omitzero"`
	// SSHAuthorizedKeys may log in as root and as the image's default user, like
	// Seed.SSHAuthorizedKeys.
	SSHAuthorizedKeys []string        `json:"ssh_authorized_keys,omitempty"`
	Users             map[string]User `json:"users,omitempty"` // by login name
	Files             map[string]File `json:"files,omitempty"` // by absolute path
	RunCommands       []string        `json:"run_commands,omitempty"`
	Timezone          string          `json:"timezone,omitempty"` // a name of the tz database: Europe/Berlin
	Locale            string          `json:"locale,omitempty"`   // as in locale(1): en_US.UTF-8
	// UserData is a cloud-config beginning with its #cloud-config line, or "", for what the other
	// fields do not cover.
	UserData string `json:"user_data,omitempty"`
}

// User is a login that is created at first boot. Its password is locked.
type User struct {
	Groups            []string `json:"groups,omitempty"` // besides its own; missing ones are created
	SSHAuthorizedKeys []string `json:"ssh_authorized_keys,omitempty"`
	Sudo              bool     `json:"sudo,omitempty"`  // give the user passwordless sudo
	Shell             string   `json:"shell,omitempty"` // absolute path; "" for the distribution's default
}

// File is a file that is written at first boot.
type File struct {
	Content     string `json:"-"`                     // any bytes
	Permissions string `json:"permissions,omitempty"` // octal; "" for DefaultPermissions
	Owner       string `json:"owner,omitempty"`       // user or user:group; "" for DefaultOwner
}

// The owner and permissions of a file, if a File does not say.
const (
	DefaultPermissions = "0644"
	DefaultOwner       = "root:root"
)

// withDefaults returns the file with its defaults filled in. Permissions have four digits.
func (f File) withDefaults() File {
	if f.Permissions == "" {
		f.Permissions = DefaultPermissions
	}
	if len(f.Permissions) == 3 {
		f.Permissions = "0" + f.Permissions
	}
	if f.Owner == "" {
		f.Owner = DefaultOwner
	}
	return f
}

// empty reports whether nothing is asked for.
func (c *Customization) empty() bool { return c.Digest() == "" }

// Digest is "sha256:HEX" of what is asked for, regardless of the order of sets and with defaults
// filled in, so that two ways to write the same have one digest. It is "" if nothing is asked for.
func (c *Customization) Digest() string {
	if c == nil {
		return ""
	}
	canonical := struct {
		Customization
		Contents map[string][]byte `json:"contents,omitempty"` // of files, which may not be texts
	}{*c, map[string][]byte{}}
	canonical.InstallPackages, canonical.OpenPorts = set(c.InstallPackages), set(c.OpenPorts)
	canonical.SSHAuthorizedKeys = trimmed(c.SSHAuthorizedKeys)
	canonical.Users = make(map[string]User, len(c.Users))
	for name, u := range c.Users {
		u.Groups, u.SSHAuthorizedKeys = set(u.Groups), trimmed(u.SSHAuthorizedKeys)
		canonical.Users[name] = u
	}
	canonical.Files = make(map[string]File, len(c.Files))
	for path, f := range c.Files {
		canonical.Files[path], canonical.Contents[path] = f.withDefaults(), []byte(f.Content)
	}
	data, _ := json.Marshal(canonical) // texts, numbers and maps of them never fail
	if string(data) == "{}" {
		return ""
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// set returns the elements in order, each once; nil for nil.
func set[T int64 | string](elements []T) []T {
	sorted := slices.Clone(elements)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// trimmed is a set of keys without the line break at the end of key files.
func trimmed(keys []string) []string {
	plain := make([]string, len(keys))
	for i, key := range keys {
		plain[i] = strings.TrimSpace(key)
	}
	return set(plain)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
