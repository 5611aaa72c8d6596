package guest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// What cloud-init would let one side hide from the other is merged.
func TestTheTemplateAndTheInstanceAreJoined(t *testing.T) {
	const template = `#cloud-config
packages: &p [vim]
runcmd: [first, [second, '2']]
users: [default, {name: admin}]
write_files: [{path: /template, content: t}]
timezone: UTC
disable_root: true
hostname: theirs
ntp: {enabled: true, servers: [a], pools: ~}
mounts: ~
growpart: {devices: [/]}
output: {all: "| tee"}
mount_default_fields: [None, None, auto, defaults, "0", "2"]
only_theirs: *p
`
	key := testKey(t, 1, "")
	data := customized(t, template, &Customization{
		InstallPackages:   []string{"nginx"},
		RunCommands:       []string{"third"},
		Timezone:          "Europe/Berlin",
		SSHAuthorizedKeys: []string{key},
		Users:             map[string]User{"deploy": {}},
		Files:             map[string]File{"/instance": {Content: "i"}},
		UserData: `#cloud-config
packages: [git]
runcmd: [fourth]
users: [{name: last}]
write_files: [{path: /last, content: l}]
ntp: {servers: [b], enabled: false}
mounts: [[/dev/vdb, /data]]
timezone: Asia/Tokyo
mount_default_fields: [None, None, ext4, defaults, "0", "2"]
output: {all: "> /dev/null"}
bootcmd: ~
`,
	})
	if got, want := slices.Sorted(maps.Keys(written(t, data))), []string{
		"/instance", "/last", "/template", scriptPath,
	}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	if first := data["write_files"].([]any)[0].(map[string]any)["path"]; first != scriptPath {
		t.Errorf("%q is written first: where it cannot be, nothing reports", first)
	}
	delete(data, "write_files")
	sameValue(t, "user data", data, map[string]any{
		// disable_root stays as the template says
		"hostname": "web", "preserve_hostname": false, "ssh_authorized_keys": []string{key},
		"packages": []string{"vim", "nginx", "git"},
		"runcmd":   []any{"first", []string{"second", "2"}, customizeCommand, "fourth"},
		"users": []any{
			"default", map[string]any{"name": "admin"}, map[string]any{"name": "deploy"},
			map[string]any{"name": "last"},
		},
		"timezone": "Asia/Tokyo", "ntp": map[string]any{"enabled": false, "servers": []string{"a", "b"}, "pools": nil},
		"mounts": []any{[]string{"/dev/vdb", "/data"}}, "output": map[string]any{"all": "> /dev/null"},
		"mount_default_fields": []any{"None", "None", "ext4", "defaults", "0", "2"}, "bootcmd": nil,
	})
}

func TestTheDefaultUserIsLeftToWhoeverNamesUsers(t *testing.T) {
	deploy := map[string]any{"name": "deploy"}
	for template, want := range map[string][]any{
		"":                                  {"default", deploy},
		"#cloud-config\nusers: ~\n":         {"default", deploy},
		"#cloud-config\nusers: [default]\n": {"default", deploy},
		"#cloud-config\nusers: []\n":        {deploy},
		"#cloud-config\nusers: [{name: admin}]\n":  {map[string]any{"name": "admin"}, deploy},
		"#cloud-config\nusers: [\"a\", default]\n": {"a", "default", deploy},
	} {
		sameValue(t, template, customized(t, template, &Customization{Users: map[string]User{"deploy": {}}})["users"],
			want)
	}
}

func TestWhatCannotBeJoinedIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		template string
		asked    Customization
		at, says string
	}{
		"a text for a list": {"#cloud-config\nusers: a,b\n", Customization{Users: map[string]User{"deploy": {}}},
			"customization.user_data", "Users is a single value in one place and a list in another"},
		"deep inside": {
			"#cloud-config\nntp: {servers: {a: 1}}\n", Customization{UserData: "#cloud-config\nntp: {servers: [a]}\n"},
			"customization.user_data", "Servers is a mapping in one place and a list",
		},
		"a key twice": {
			"#cloud-config\nntp: {a: 1, a: 2}\n", Customization{UserData: "#cloud-config\nntp: {b: 1}\n"},
			"customization.user_data", "repeats the key of line 2",
		},
		"with itself": {
			"", Customization{InstallPackages: []string{"a"}, UserData: "#cloud-config\npackages: {a: b}\n"},
			"customization.user_data", "Packages is a list in one place and a mapping",
		},
		"a broken template": {"#cloud-config\n- a\n", Customization{Timezone: "UTC"}, "template_id",
			"The template's cloud-config: user data must be a YAML mapping"},
	} {
		findings := c.asked.Validate(c.template)
		if len(findings) != 1 || findings[0].Path.String() != c.at || !strings.Contains(findings[0].Detail, c.says) {
			t.Errorf("%s: found %v, want %q at %s", name, findings, c.says, c.at)
		}
		if _, err := (Seed{
			InstanceID: "id", Hostname: "web", VendorData: c.template, Customization: &c.asked,
		}).Render(); err == nil {
			t.Errorf("%s: it is rendered all the same", name)
		}
	}
}

// For any two documents, the merged one has all list elements of both, in order, and only those.
func FuzzTheJointListHasAllOfBoth(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, "runcmd: [a]")
	}
	f.Add("runcmd: [a]", "runcmd: [[b, 'c']]\nx: 1")
	f.Add("x: &x [a]\nruncmd: *x", "runcmd: ~")
	f.Add("runcmd: {a: b}", "runcmd:\n- |\n  b\n")
	f.Fuzz(func(t *testing.T, template, own string) {
		template, own = "#cloud-config\n"+template, "#cloud-config\n"+own
		files, err := Seed{
			InstanceID: "id", Hostname: "web", VendorData: template, Customization: &Customization{UserData: own},
		}.Render()
		if err != nil {
			return
		}
		theirs, err := parseCloudConfig(template)
		if err != nil {
			t.Fatalf("rendered though %v", err)
		}
		ours, err := parseCloudConfig(own)
		if err != nil {
			t.Fatalf("rendered though %v", err)
		}
		joint, err := parseCloudConfig(string(files.UserData))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, files.UserData)
		}
		var want []string
		if list := valueOf(theirs, "runcmd"); list != nil {
			for _, n := range list.Content {
				want = append(want, describe(n))
			}
		}
		script, err := parseCloudConfig("#cloud-config\na: \"" + customizeCommand + "\"\n")
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, describe(valueOf(script, "a")))
		if list := valueOf(ours, "runcmd"); list != nil {
			for _, n := range list.Content {
				want = append(want, describe(n))
			}
		}
		var got []string
		for _, n := range valueOf(joint, "runcmd").Content {
			got = append(got, describe(n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("it runs\n%q, want\n%q, in\n%s", got, want, files.UserData)
		}
	})
}
