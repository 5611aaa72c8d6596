package catalog

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// TemplateID names a template across tenants. It is written "tenant/name".
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

// VersionID names a template version. It is written "tenant/name@1.1.0".
type VersionID struct {
	Template TemplateID `json:"template"`
	Version  string     `json:"version"`
}

func (id VersionID) String() string { return id.Template.String() + "@" + id.Version }

// maxVersion bounds a version's text: it is part of a volume's name, of which a file system takes
// 255 bytes.
const maxVersion = 64

// ParseVersion reads a semantic version as users write it: major.minor.patch with optional
// pre-release and build, at most 64 characters.
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
	if !found || naming.ValidateTenant(tenant) != nil || naming.ValidateTemplateName(name) != nil {
		return TemplateID{}, fmt.Errorf("%q is not a template id: write it as tenant/name, for example default/ubuntu",
			s)
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

// IsVersionOf reports whether an entry among the users of an image or of a warm snapshot is the id of
// a version of that tenant, in this catalog.
func IsVersionOf(tenant, entry string) bool {
	v, err := ParseVersionID(entry)
	return err == nil && v.Template.Tenant == tenant
}

// ParseTemplateRef reads a user's name for a template: "tenant/name", or the name alone for one of
// the given tenant.
func ParseTemplateRef(s, tenant string) (TemplateID, error) {
	if id, err := ParseTemplateID(s); err == nil {
		return id, nil
	}
	if naming.ValidateTemplateName(s) == nil {
		return TemplateID{Tenant: tenant, Name: s}, nil
	}
	return TemplateID{}, fmt.Errorf("%q is not a template id: write it as tenant/name, for example "+
		"%[2]s/ubuntu, or as name, for example ubuntu, for a template of the tenant %[2]s", s, tenant)
}

// ParseVersionRef reads a user's name for a version: "tenant/name@1.1.0", or "name@1.1.0" for a
// template of the given tenant.
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
