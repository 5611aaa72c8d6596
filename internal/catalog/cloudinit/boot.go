package cloudinit

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// NeedsBoot returns the keys of a cloud-config that have their effect only while a guest boots:
// commands for early boot, file systems on the system disk, and files with kernel arguments. device
// is the system disk's, such as "/dev/vda". It returns nothing for a text that is not a
// cloud-config.
func NeedsBoot(config, device string) []string {
	body, ok := CloudConfigBody(config)
	if !ok {
		return nil
	}
	var asks struct {
		BootCmd yaml.Node `yaml:"bootcmd"`
		FSSetup []struct {
			Device string `yaml:"device"`
		} `yaml:"fs_setup"`
		WriteFiles []struct {
			Path string `yaml:"path"`
		} `yaml:"write_files"`
	}
	// Anything that is wrong with the document is reported elsewhere. What could be read counts.
	_ = yaml.Unmarshal([]byte(body), &asks)
	var keys []string
	if len(asks.BootCmd.Content) > 0 {
		keys = append(keys, "bootcmd")
	}
	for _, made := range asks.FSSetup {
		if strings.HasPrefix(made.Device, device) {
			keys = append(keys, "fs_setup of "+made.Device)
		}
	}
	for _, written := range asks.WriteFiles {
		if HasKernelArguments(written.Path) {
			keys = append(keys, "write_files of "+written.Path)
		}
	}
	return keys
}

// HasKernelArguments reports whether a file is one in which distributions keep the kernel's
// arguments.
func HasKernelArguments(path string) bool {
	for _, known := range []string{"/etc/default/grub", "/etc/kernel/cmdline", "/boot/"} {
		if strings.HasPrefix(path, known) {
			return true
		}
	}
	return false
}
