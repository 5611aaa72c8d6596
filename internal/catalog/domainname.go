package catalog

import "strings"

// DomainName is the name of an instance's domain. It carries the tenant, so that rules on the host can tell tenants apart.
func DomainName(tenant, name string) string {
	if tenant == "default" {
		return name
	}
	return tenant + "." + name
}

// OfTenant tells whether a domain's name is one that DomainName gives to instances of the tenant. No instance's own name has
// dots.
func OfTenant(tenant, domain string) bool {
	owner, name, dotted := strings.Cut(domain, ".")
	if tenant == "default" {
		return !dotted
	}
	return dotted && owner == tenant && !strings.Contains(name, ".")
}
