package guest

import "testing"

func TestListsOfModulesMustHaveWhatReports(t *testing.T) {
	asked := &Customization{
		Files:             map[string]File{"/a": {Owner: "b"}},
		Users:             map[string]User{"b": {}},
		OpenPorts:         []int64{},
		Timezone:          "UTC",
		Locale:            "C.UTF-8",
		InstallPackages:   []string{"c"},
		SSHAuthorizedKeys: []string{"k"},
	}
	const noReport = "cloud_final_modules leaves out scripts_per_boot"
	for name, test := range map[string]struct {
		template         string
		asked            *Customization
		report, customed string
	}{
		"none":          {"runcmd: [a]", asked, "", ""},
		"nothing to do": {"", nil, "", ""},
		"no modules":    {"cloud_final_modules: []", nil, noReport, ""},
		"null":          {"cloud_final_modules: ~", asked, "", ""},
		"forms of a name": {"cloud_final_modules: [a, [scripts-per-boot, always], {name: cc_scripts_user.py}]",
			&Customization{Timezone: "UTC"}, "", ""},
		"as a mapping":    {"cloud_final_modules: [{name: scripts_per_boot, frequency: always}]", nil, "", ""},
		"in another list": {"cloud_final_modules: [a]\ncloud_config_modules: [scripts_per_boot]", nil, "", ""},
		"no files":        {"cloud_init_modules: [ssh]", nil, "cloud_init_modules leaves out write_files", ""},
		"no commands": {"cloud_config_modules: [ntp]", &Customization{RunCommands: []string{"a"}}, "",
			"cloud_config_modules leaves out runcmd"},
		"of the instance": {
			"cloud_final_modules: [scripts_per_boot]",
			&Customization{UserData: "#cloud-config\ncloud_final_modules: [scripts_user]"}, noReport, "",
		},
		"of its template": {
			"cloud_final_modules: []", &Customization{
				UserData: "#cloud-config\ncloud_final_modules: [scripts_per_boot, scripts-user]",
			}, "", "",
		},
		"all that it does": {"cloud_init_modules: []\ncloud_config_modules: []\ncloud_final_modules: []", asked,
			"cloud_final_modules leaves out scripts_per_boot, cloud_init_modules leaves out write_files",
			"cloud_config_modules leaves out locale, cloud_config_modules leaves out runcmd, cloud_config_modules " +
				"leaves out timezone, cloud_final_modules leaves out package_update_upgrade_install, " +
				"cloud_final_modules leaves out scripts_user, cloud_final_modules leaves out write_files_deferred, " +
				"cloud_init_modules leaves out bootcmd, cloud_init_modules leaves out ssh, cloud_init_modules leaves " +
				"out users_groups, cloud_init_modules leaves out write_files"},
	} {
		config := "#cloud-config\n" + test.template
		if got := LackingToReport(config, test.asked); got != test.report {
			t.Errorf("%s: to report, %q, want %q", name, got, test.report)
		}
		if got := LackingToCustomize(config, test.asked); got != test.customed {
			t.Errorf("%s: to customize, %q, want %q", name, got, test.customed)
		}
	}
	if got := LackingToReport("#!/bin/sh", asked) + LackingToCustomize("", &Customization{UserData: "x"}); got != "" {
		t.Errorf("what is no cloud-config: %q", got)
	}
}
