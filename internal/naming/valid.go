package naming

import (
	"fmt"
	"regexp"
)

var (
	templateName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	tenantName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	hostName     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	mapKey       = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
	paramName    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// ValidateTemplateName checks whether a name may name a template.
func ValidateTemplateName(name string) error {
	return match(templateName, name, "template name", "lower-case letters, digits, dots, underscores and hyphens, "+
		"starting with a letter or digit, at most 63 characters, for example ubuntu-server-24.04")
}

// ValidateTenant checks whether a name may name a tenant. It allows no dots, because a dot joins
// tenant and name on the host.
func ValidateTenant(name string) error {
	return match(tenantName, name, "tenant", "lower-case letters, digits, underscores and hyphens, starting with a "+
		"letter or digit, at most 63 characters")
}

// ValidateResourcePool checks whether a name may name a resource pool. It allows no dots, because a
// dot separates the parts of a document's name.
func ValidateResourcePool(name string) error {
	return match(tenantName, name, "name of a resource pool", "lower-case letters, digits, underscores and hyphens, "+
		"starting with a letter or digit, at most 63 characters")
}

// ValidateGroup checks whether a name may name a group of instances that are kept apart.
func ValidateGroup(name string) error {
	return match(tenantName, name, "name of a group", "lower-case letters, digits, underscores and hyphens, starting "+
		"with a letter or digit, at most 63 characters")
}

// ValidateHost checks whether a name may name a host among the provider's hosts.
func ValidateHost(name string) error {
	return match(hostName, name, "name of a host", "letters, digits, dots, underscores and hyphens, starting with a "+
		"letter or digit, at most 63 characters")
}

// ValidateInstanceName checks whether a name may name an instance: it has to be an RFC 1123 label,
// because it is the guest's host name unless a parameter says otherwise.
func ValidateInstanceName(name string) error {
	return match(dnsLabel, name, "instance name", "a DNS label: lower-case letters, digits and hyphens, not at "+
		"either end, at most 63 characters, for example web-server-1")
}

// ValidateDeviceName checks whether a name may name a disk or an interface.
func ValidateDeviceName(name string) error {
	return match(mapKey, name, "name", "lower-case letters, digits, underscores and hyphens, starting with a letter, "+
		"at most 32 characters, for example system or eth0")
}

// IsDNSLabel reports whether a text is a label of a host name (RFC 1123) in lower case.
func IsDNSLabel(text string) bool { return dnsLabel.MatchString(text) }

// IsParameterName reports whether a name may name a parameter.
func IsParameterName(name string) bool { return paramName.MatchString(name) }

func match(re *regexp.Regexp, name, what, rule string) error {
	if re.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q is not a valid %s: use %s", name, what, rule)
}
