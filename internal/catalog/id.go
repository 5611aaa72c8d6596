package catalog

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/go-version"
)

// TemplateID names a template across tenants. Written "tenant/name".
type TemplateID struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`
}

func (id TemplateID) String() string { return id.Tenant + "/" + id.Name }

// Compare orders ids by tenant and name.
func (id TemplateID) Compare(other TemplateID) int {
	return cmp.Or(strings.Compare(id.Tenant, other.Tenant), strings.Compare(id.Name, other.Name))
}

// Version names one version of the template.
func (id TemplateID) Version(v string) VersionID { return VersionID{Template: id, Version: v} }

// VersionID names a template version. Written "tenant/name@1.1.0".
type VersionID struct {
	Template TemplateID `json:"template"`
	Version  string     `json:"version"`
}

func (id VersionID) String() string { return id.Template.String() + "@" + id.Version }

var (
	templateName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	tenantName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	mapKey       = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	paramName    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// ValidateTemplateName tells whether a name may name a template.
func ValidateTemplateName(name string) error {
	return match(templateName, name, "template name", "lower-case letters, digits, dots, underscores and hyphens, "+
		"starting with a letter or digit, at most 63 characters, for example ubuntu-server-24.04")
}

// ValidateTenant tells whether a name may name a tenant. No dots: tenant and name are joined by one on the host.
func ValidateTenant(name string) error {
	return match(tenantName, name, "tenant", "lower-case letters, digits, underscores and hyphens, starting with a "+
		"letter or digit, at most 63 characters")
}

// ValidateInstanceName tells whether a name may name an instance: an RFC 1123 label, because it is the guest's
// host name unless a parameter says otherwise.
func ValidateInstanceName(name string) error {
	return match(dnsLabel, name, "instance name", "a DNS label: lower-case letters, digits and hyphens, not at "+
		"either end, at most 63 characters, for example web-server-1")
}

// ValidateDeviceName tells whether a name may name a disk or an interface.
func ValidateDeviceName(name string) error {
	return match(mapKey, name, "name", "lower-case letters, digits, underscores and hyphens, starting with a letter, "+
		"at most 32 characters, for example system or eth0")
}

func match(re *regexp.Regexp, name, what, rule string) error {
	if re.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q is not a valid %s: use %s", name, what, rule)
}

// maxVersion bounds a version's text: it is part of a volume's name, of which a file system takes 255 bytes.
const maxVersion = 64

// ParseVersion reads a semantic version as users write it: major.minor.patch with optional pre-release and build, at
// most 64 characters.
func ParseVersion(s string) (*version.Version, error) {
	v, err := version.NewSemver(s)
	if err != nil || strings.Count(core(v.String()), ".") != 2 {
		return nil, fmt.Errorf("%q is not a semantic version: write it as 1.0.0 or 1.0.0-rc.1", s)
	}
	if len(s) > maxVersion {
		return nil, fmt.Errorf("a version of %d characters is too long: use at most %d", len(s), maxVersion)
	}
	if v.String() != s {
		return nil, fmt.Errorf("%q is not written in full: write it as %s", s, v.String())
	}
	return v, nil
}

// core is a version's text without pre-release and build.
func core(v string) string {
	if end := strings.IndexAny(v, "-+"); end >= 0 {
		return v[:end]
	}
	return v
}

// ParseTemplateID reads "tenant/name".
func ParseTemplateID(s string) (TemplateID, error) {
	tenant, name, found := strings.Cut(s, "/")
	if !found || ValidateTenant(tenant) != nil || ValidateTemplateName(name) != nil {
		return TemplateID{}, fmt.Errorf("%q is not a template id: write it as tenant/name, for example default/ubuntu", s)
	}
	return TemplateID{Tenant: tenant, Name: name}, nil
}

// ParseVersionID reads "tenant/name@1.1.0".
func ParseVersionID(s string) (VersionID, error) {
	head, v, found := strings.Cut(s, "@")
	id, err := ParseTemplateID(head)
	if err == nil && found {
		if _, err = ParseVersion(v); err == nil {
			return id.Version(v), nil
		}
	}
	return VersionID{}, fmt.Errorf("%q is not a version id: write it as tenant/name@1.1.0, for example "+
		"default/ubuntu@1.0.0", s)
}

// ParseTemplateRef reads what somebody calls a template: "tenant/name", or the name alone for one of the given tenant.
func ParseTemplateRef(s, tenant string) (TemplateID, error) {
	if id, err := ParseTemplateID(s); err == nil {
		return id, nil
	}
	if ValidateTemplateName(s) == nil {
		return TemplateID{Tenant: tenant, Name: s}, nil
	}
	return TemplateID{}, fmt.Errorf("%q is not a template id: write it as tenant/name, for example %[2]s/ubuntu, or as "+
		"name, for example ubuntu, for a template of the tenant %[2]s", s, tenant)
}

// ParseVersionRef reads what somebody calls a version: "tenant/name@1.1.0", or "name@1.1.0" for a template of the given
// tenant.
func ParseVersionRef(s, tenant string) (VersionID, error) {
	template, v, _ := strings.Cut(s, "@")
	id, err := ParseTemplateRef(template, tenant)
	if err == nil {
		if _, err = ParseVersion(v); err == nil {
			return id.Version(v), nil
		}
	}
	return VersionID{}, fmt.Errorf("%q is not a version id: write it as tenant/name@1.1.0, for example "+
		"%[2]s/ubuntu@1.0.0, or as name@1.1.0, for example ubuntu@1.0.0, for a template of the tenant %[2]s", s, tenant)
}
