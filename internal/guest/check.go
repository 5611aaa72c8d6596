package guest

import (
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// CheckCloudConfig checks that a text is a cloud-config that a seed accepts from a template. It has
// to be a mapping in YAML under a first line #cloud-config, it must be possible to merge it with
// the guest's reporting, and cloud-init has to run its commands as they are written. The error
// names the line, and quotes nothing.
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

// ValidateCommands returns findings for commands in the user data that cloud-init would not run as
// they are written. Validate does not check them: an instance that was created with them can be
// changed only as long as it keeps them.
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
