package guest

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// customized is the user data of an instance "web" of that template.
func customized(t testing.TB, template string, c *Customization) map[string]any {
	t.Helper()
	files, err := Seed{InstanceID: "id", Hostname: "web", VendorData: template, Customization: c}.Render()
	if err != nil {
		t.Fatal(err)
	}
	return decodeYAML(t, files.UserData)
}

// written returns the contents of the files that user data writes, by path, as cloud-init decodes
// them.
func written(t testing.TB, userData map[string]any) map[string]string {
	t.Helper()
	contents := map[string]string{}
	list, _ := userData["write_files"].([]any)
	for _, element := range list {
		file := element.(map[string]any)
		content := file["content"].(string)
		if file["encoding"] == "b64" {
			plain, err := base64.StdEncoding.DecodeString(content)
			if err != nil {
				t.Fatal(err)
			}
			content = string(plain)
		}
		contents[file["path"].(string)] = content
	}
	return contents
}

func TestACustomizationReachesCloudInit(t *testing.T) {
	alice, bob := testKey(t, 1, "alice"), testKey(t, 2, "bob")
	data := customized(t, "", &Customization{
		InstallPackages: []string{"nginx", "curl"}, SSHAuthorizedKeys: []string{alice + "\n"},
		Users: map[string]User{
			"deploy": {
				Groups: []string{"sudo", "adm"}, SSHAuthorizedKeys: []string{bob}, Sudo: true, Shell: "/bin/bash",
			},
			"app": {},
		},
		Files: map[string]File{
			"/etc/motd":     {Content: "hi\n"},
			"/srv/app/conf": {Content: "\x00\xff", Permissions: "640", Owner: "app:app"},
		},
		Timezone: "Europe/Berlin", Locale: "no",
	})
	files := data["write_files"].([]any)
	sameValue(t, "the script", files[0].(map[string]any)["path"], scriptPath)
	data["write_files"] = files[1:]
	sameValue(t, "user data", data, map[string]any{
		"hostname": "web", "preserve_hostname": false, "disable_root": false, "ssh_authorized_keys": []string{alice},
		"packages": []string{"curl", "nginx"}, "timezone": "Europe/Berlin", "locale": "no",
		"users": []any{
			"default", map[string]any{"name": "app"},
			map[string]any{
				"name":                "deploy",
				"groups":              []string{"adm", "sudo"},
				"shell":               "/bin/bash",
				"sudo":                "ALL=(ALL) NOPASSWD:ALL",
				"ssh_authorized_keys": []string{bob},
			},
		},
		"write_files": []any{
			map[string]any{"path": "/etc/motd", "content": "hi\n", "permissions": "0644", "owner": "root:root"},
			map[string]any{
				"path":        "/srv/app/conf",
				"content":     "AP8=",
				"encoding":    "b64",
				"permissions": "0640",
				"owner":       "app:app",
				"defer":       true,
			},
		},
		"runcmd": []any{customizeCommand},
	})
}

func TestNothingAskedForAddsNothing(t *testing.T) {
	plain := map[string]any{"hostname": "web", "preserve_hostname": false}
	for name, c := range map[string]*Customization{
		"none": nil, "an empty one": {}, "empty ones in it": {Users: map[string]User{}, RunCommands: []string{}},
	} {
		sameValue(t, name, customized(t, "", c), plain)
		sameValue(t, name+", with an empty template", customized(t, "#cloud-config\n", c), plain)
		data := customized(t, "#cloud-config\nruncmd: [a]\n", c)
		if files := written(t, data); len(files) != 1 || files[scriptPath] == "" {
			t.Errorf("%s, with a template: it writes %q, want what reports", name, slices.Collect(maps.Keys(files)))
		}
		delete(data, "write_files")
		sameValue(t, name+", with a template", data, plain)
	}
}

func TestWhatIsWrongIsFoundWhereItIs(t *testing.T) {
	bad := &Customization{
		InstallPackages: []string{"nginx", "--allow-unauthenticated", "a b", ""}, OpenPorts: []int64{0, 80, 65536},
		SSHAuthorizedKeys: []string{"ssh-rsa"},
		Users: map[string]User{
			"root":   {},
			"Deploy": {},
			"a:b":    {},
			"":       {},
			"ok":     {Groups: []string{"sudo,adm", "wheel"}, SSHAuthorizedKeys: []string{"x"}, Shell: "bash"},
			"colon":  {Shell: "/bin/a:b"},
		},
		Files: map[string]File{
			"etc/motd":  {},
			"/":         {},
			"/a/../b":   {},
			"/a//b":     {},
			"/a/":       {},
			"/a\nb":     {},
			"":          {},
			"/etc/motd": {Permissions: "rw-r--r--", Owner: "root:"},
			"/b":        {Permissions: "0888", Owner: "0:0"},
			"/c":        {Permissions: "04755", Owner: "a:b:c"},
		},
		RunCommands: []string{"true", " \n", "a\x00b", strings.Repeat("x", maxCommand+1)},
		Timezone:    "Berlin time", Locale: "english", UserData: "packages: [nginx]",
	}
	want := []string{
		"install_packages", "install_packages", "install_packages", "open_ports", "open_ports", "ssh_authorized_keys",
		`users[""]`, `users["Deploy"]`, `users["a:b"]`, `users["colon"].shell`, `users["ok"].groups`,
		`users["ok"].ssh_authorized_keys`, `users["ok"].shell`, `users["root"]`,
		`files[""]`, `files["/"]`, "files[\"/a\nb\"]", `files["/a/"]`, `files["/a/../b"]`, `files["/a//b"]`,
		`files["/b"].permissions`, `files["/b"].owner`,
		`files["/c"].permissions`, `files["/c"].owner`, `files["/etc/motd"].permissions`, `files["/etc/motd"].owner`,
		`files["etc/motd"]`,
		"run_commands", "run_commands", "run_commands", "timezone", "locale", "user_data",
	}
	var got []string
	for _, f := range bad.Validate("") {
		got = append(got, strings.TrimPrefix(f.Path.String(), "customization."))
		if !strings.HasSuffix(f.Detail, ".") || f.Summary == "" {
			t.Errorf("%s is not explained: %+v", f.Path, f)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("found fault with\n%q, want\n%q", got, want)
	}
	if _, err := (Seed{InstanceID: "id", Hostname: "web", Customization: bad}).Render(); err == nil {
		t.Error("it is rendered all the same")
	}
}

func TestWhatIsRightIsNotFoundWrong(t *testing.T) {
	key := testKey(t, 1, "")
	good := &Customization{
		InstallPackages:   []string{"libstdc++6", "nginx=1.22.1-9", "@development-tools", "python3.11", "/srv/a.rpm"},
		OpenPorts:         []int64{1, 65535},
		SSHAuthorizedKeys: []string{key + "\n"},
		Users: map[string]User{
			"_apt-1": {Groups: []string{"docker"}, SSHAuthorizedKeys: []string{key}, Shell: "/usr/bin/fish"},
		},
		Files: map[string]File{
			"/etc/ä b": {Permissions: "600", Owner: "www-data"}, "/a": {Permissions: "4755", Owner: "a:b"},
		},
		RunCommands: []string{"-x", "echo 'a\nb'"},
		Timezone:    "America/Argentina/Buenos_Aires",
		Locale:      "sr_RS.UTF-8@latin",
		UserData:    "#cloud-config\n",
	}
	for _, zone := range []string{"UTC", "Etc/GMT+5", "America/Port-au-Prince", "GMT0"} {
		good.Timezone = zone
		if findings := good.Validate("#cloud-config\npackages: [a]\n"); len(findings) > 0 {
			t.Errorf("%s: %v", zone, findings)
		}
	}
	for _, locale := range []string{"C", "C.UTF-8", "POSIX", "en_US.UTF-8", "de_DE@euro", "de_DE"} {
		good.Locale = locale
		if findings := good.Validate(""); len(findings) > 0 {
			t.Errorf("%s: %v", locale, findings)
		}
	}
}

func TestTheDigestIsOfTheMeaning(t *testing.T) {
	var none *Customization
	if none.Digest() != "" || new(Customization).Digest() != "" {
		t.Errorf("asking for nothing has the digests %q and %q", none.Digest(), new(Customization).Digest())
	}
	one := Customization{
		InstallPackages:   []string{"b", "a", "b"},
		OpenPorts:         []int64{443, 80},
		SSHAuthorizedKeys: []string{"k\n"},
		Users:             map[string]User{"u": {Groups: []string{"y", "x"}, SSHAuthorizedKeys: []string{"k\n"}}},
		Files:             map[string]File{"/a": {Content: "x"}, "/b": {}},
	}
	same := Customization{
		InstallPackages:   []string{"a", "b"},
		OpenPorts:         []int64{80, 443},
		SSHAuthorizedKeys: []string{"k"},
		RunCommands:       []string{},
		Users:             map[string]User{"u": {Groups: []string{"x", "y"}, SSHAuthorizedKeys: []string{"k"}}},
		Files: map[string]File{
			"/a": {Content: "x", Permissions: "644", Owner: "root:root"}, "/b": {Permissions: "0644"},
		},
	}
	if one.Digest() != same.Digest() {
		t.Error("two ways to write the same have two digests")
	}
	seen := map[string]string{one.Digest(): "one"}
	for name, c := range map[string]Customization{
		"no ports":         {OpenPorts: []int64{}},
		"a port":           {OpenPorts: []int64{1}},
		"a user":           {Users: map[string]User{"a": {}}},
		"a sudoer":         {Users: map[string]User{"a": {Sudo: true}}},
		"a file":           {Files: map[string]File{"/a": {}}},
		"a byte":           {Files: map[string]File{"/a": {Content: "\xff"}}},
		"another byte":     {Files: map[string]File{"/a": {Content: "\xfe"}}},
		"two commands":     {RunCommands: []string{"a", "b"}},
		"in another order": {RunCommands: []string{"b", "a"}},
		"one command":      {RunCommands: []string{"a\nb"}},
		"a package":        {InstallPackages: []string{"a"}},
		"a zone":           {Timezone: "a"},
		"a locale":         {Locale: "a"},
		"user data":        {UserData: "a"},
	} {
		digest := c.Digest()
		if other, taken := seen[digest]; taken || !strings.HasPrefix(digest, "sha256:") {
			t.Errorf("%s has the digest %q, as has %q", name, digest, other)
		}
		seen[digest] = name
	}
	if one.InstallPackages[0] != "b" || one.Files["/a"].Owner != "" {
		t.Errorf("it was changed: %+v", one)
	}
	const known = "sha256:d51c73db6c228f76d7cd6a47324a9381c9d1267635616470b20770c3058a7aca"
	if got := (&Customization{OpenPorts: []int64{80}}).Digest(); got != known {
		t.Errorf("the digest of port 80 is %s, no longer %s: every instance that has it would be replaced", got, known)
	}
}

// hostile are texts that break out of quotes, comments, lines, encodings and templates.
var hostile = []string{
	"", "'", `"`, `\`, "# no comment", "a: b", "- a", "{{ .x }}", "${x} $(reboot) `reboot`", "*a", "&a", "!x", "%",
	"@REPORT@", "@CALLS@\n", "|\n  a", "\n\n", "\r\n", " \t",
	"ä€😀", "\u0085\u2028\u2029\ufeff\ufffe", "\x00", "\x1b[2J", "\xff\xfe", "no", "1:30", "0644", "~", "EOF\n",
	strings.Repeat("\"'\\\n#:", 64<<10/6), "--- a\n...\n",
}

func FuzzACustomizationIsData(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, "x")
		f.Add("x", s)
	}
	f.Fuzz(func(t *testing.T, content, word string) {
		c := &Customization{
			InstallPackages: []string{word, "a"},
			Files: map[string]File{
				"/a": {Content: content}, "/" + word: {Content: word, Owner: word},
			},
			Users:       map[string]User{"u": {Groups: []string{word}, Shell: word}},
			RunCommands: []string{word},
			Timezone:    word,
			Locale:      word,
		}
		if len(c.Validate("")) > 0 { // these are refused anyway; contents never are
			c = &Customization{Files: map[string]File{"/a": {Content: content}}, RunCommands: []string{word}}
			if len(c.Validate("")) > 0 {
				c.RunCommands = nil
			}
		}
		files, err := Seed{
			InstanceID: "id", Hostname: "web", VendorData: "#cloud-config\nwrite_files: [{path: /t, content: t}]\n",
			Customization: c,
		}.Render()
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(files.UserData) || strings.ContainsRune(string(files.UserData), 0) {
			t.Errorf("user data is no text: %q", files.UserData)
		}
		data := decodeYAML(t, files.UserData)
		contents := written(t, data)
		for path, file := range c.Files {
			if contents[path] != file.Content {
				t.Errorf("%q holds %q, want %q", path, contents[path], file.Content)
			}
		}
		if want := c.script("id"); contents[scriptPath] != want || len(contents) != len(c.Files)+2 {
			t.Errorf("the script is %q, want %q, among %d files", contents[scriptPath], want, len(contents))
		}
		if c.Timezone != "" && data["timezone"] != c.Timezone {
			t.Errorf("the time zone is %q, want %q", data["timezone"], c.Timezone)
		}
		if len(data["runcmd"].([]any)) != 1 {
			t.Errorf("it runs %q", data["runcmd"])
		}
	})
}
