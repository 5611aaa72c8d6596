// Package polkit renders rules for libvirt's polkit access driver. The rules let users of a host do
// what novacron needs, for the names of one tenant. See https://libvirt.org/aclpolkit.html for how
// libvirt asks, https://libvirt.org/acl.html for the permissions, and polkit(8) for the rules.
package polkit

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"text/template"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Rules say who may work for a tenant, and where.
type Rules struct {
	Users       []string // of the host
	Groups      []string // of the host
	Tenant      string
	Pools       []string // of the library and of disks
	ReadTenants []string // whose templates and versions may also be read
	Publish     bool     // whether templates and versions may be registered and removed
	Containers  bool     // whether containers may be run
}

// FileName returns the name for the file of the rules, in /etc/polkit-1/rules.d.
func (r Rules) FileName() string { return "50-novacron-" + r.Tenant + ".rules" }

// TenantHash stands for the tenant in the names of containers' disks.
func (r Rules) TenantHash() string { return naming.TenantHash(r.Tenant) }

//go:embed rules.js.tmpl
var source string

var rules = template.Must(template.New("rules.js").Funcs(template.FuncMap{"js": js}).Parse(source))

// Render renders the rules in polkit's JavaScript. The order of users, groups and names does not
// matter.
func (r Rules) Render() (string, error) {
	for _, names := range []*[]string{&r.Users, &r.Groups, &r.Pools, &r.ReadTenants} {
		*names = slices.Sorted(slices.Values(*names))
	}
	var b strings.Builder
	err := rules.Execute(&b, r)
	return b.String(), err
}

// js encodes a value as JavaScript. JSON is valid JavaScript, because Go's encoder escapes the line
// separators that only JavaScript treats specially.
func js(v any) (string, error) {
	if names, ok := v.([]string); ok && names == nil {
		return "[]", nil
	}
	data, err := json.Marshal(v)
	return string(data), err
}
