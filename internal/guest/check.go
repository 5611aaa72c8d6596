package guest

// CheckCloudConfig tells whether a text is a cloud-config that a seed takes: a mapping in YAML under a first line
// #cloud-config. The error tells the line, and quotes nothing.
func CheckCloudConfig(config string) error {
	_, err := parseCloudConfig(config)
	return err
}
