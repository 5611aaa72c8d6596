package guest

import (
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// CheckCloudConfig tells whether a text is a cloud-config that a seed takes from a template: a mapping in YAML under a first
// line #cloud-config, which what makes the guest report can be joined with, and whose commands cloud-init runs as they are
// written. The error tells the line, and quotes nothing.
func CheckCloudConfig(config string) error {
	template, err := parseCloudConfig(config)
	if err != nil {
		return err
	}
	if err := checkCommands(template); err != nil {
		return err
	}
	_, err = renderUserData("check", nil, template, nil, "")
	return err
}

// ValidateCommands finds commands in the user data that cloud-init would not run as they are written. Validate does not: an
// instance that was made with them can be changed only as long as it keeps them.
func (c *Customization) ValidateCommands() finding.List {
	var fs finding.List
	if c == nil {
		return nil
	}
	if own, err := parseCloudConfig(c.UserData); err == nil {
		if err := checkCommands(own); err != nil {
			fs.Add(finding.At("customization").Name("user_data"), "Invalid user data", finding.Sentence(err))
		}
	}
	return fs
}
