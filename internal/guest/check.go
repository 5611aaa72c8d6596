package guest

// CheckCloudConfig tells whether a text is a cloud-config that a seed takes from a template: a mapping in YAML under a first
// line #cloud-config, which what makes the guest report can be joined with. The error tells the line, and quotes nothing.
func CheckCloudConfig(config string) error {
	template, err := parseCloudConfig(config)
	if err != nil {
		return err
	}
	_, err = renderUserData("check", nil, template, nil, "")
	return err
}
