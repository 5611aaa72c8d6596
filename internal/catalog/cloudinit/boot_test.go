package cloudinit

import (
	"slices"
	"testing"
)

func TestWhatOnlyABootCarriesOutIsFound(t *testing.T) {
	for config, want := range map[string][]string{
		"":                                 nil,
		"#!/bin/sh\nbootcmd: [a]\n":        nil,
		"#cloud-config\n":                  nil,
		"#cloud-config\npackages: [vim]\n": nil,
		"#cloud-config\nbootcmd: []\n":     nil,
		"#cloud-config\nbootcmd:\n":        nil,
		"#cloud-config\nbootcmd:\n- [modprobe, br_netfilter]\nruncmd: [a]\n": {"bootcmd"},
		"#cloud-config\nfs_setup:\n- {device: /dev/vdb, filesystem: ext4}\n": nil,
		"#cloud-config\nfs_setup:\n- {device: /dev/vda2, filesystem: xfs}\n": {"fs_setup of /dev/vda2"},
		"#cloud-config\nwrite_files:\n- {path: /etc/motd, content: hi}\n" +
			"- {path: /etc/default/grub.d/50-console.cfg, content: x}\nbootcmd: [a]\n": {
			"bootcmd", "write_files of /etc/default/grub.d/50-console.cfg",
		},
		"#cloud-config\nwrite_files: none\nbootcmd: [a]\n": {"bootcmd"},
		"#cloud-config\n\tbroken":                          nil,
	} {
		if got := NeedsBoot(config, "/dev/vda"); !slices.Equal(got, want) {
			t.Errorf("%q needs a boot for %q, want %q", config, got, want)
		}
	}
}
