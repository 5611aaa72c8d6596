package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// userData is what a guest with that host name, keys and user data of its own reads.
func userData(t testing.TB, hostname string, keys []string, own string) ([]byte, error) {
	t.Helper()
	config, err := parseCloudConfig(own)
	if err != nil {
		return nil, err
	}
	template := &yaml.Node{Kind: yaml.MappingNode}
	if config, err = withIdentity(config, template, hostname, keys); err != nil {
		return nil, err
	}
	return encodeCloudConfig(config)
}

func TestUserDataOfTheInstanceWins(t *testing.T) {
	for name, test := range map[string]struct {
		own  string
		want map[string]any
	}{
		"nothing of its own": {"", map[string]any{
			"hostname": "web", "preserve_hostname": false, "disable_root": false,
			"ssh_authorized_keys": []string{"K1", "K2"},
		}},
		"only the header": {"#cloud-config\n", map[string]any{
			"hostname": "web", "preserve_hostname": false, "disable_root": false,
			"ssh_authorized_keys": []string{"K1", "K2"},
		}},
		"comments only, without a newline": {"\n#Cloud-Config  \r\n---\n# nothing", map[string]any{
			"hostname": "web", "preserve_hostname": false, "disable_root": false,
			"ssh_authorized_keys": []string{"K1", "K2"},
		}},
		"its own identity": {"#cloud-config\nhostname: other\npreserve_hostname: true\ndisable_root: true\n",
			map[string]any{
				"hostname": "other", "preserve_hostname": true, "disable_root": true,
				"ssh_authorized_keys": []string{"K1", "K2"},
			}},
		"more keys": {"#cloud-config\nssh_authorized_keys: [K3]\n", map[string]any{
			"hostname": "web", "preserve_hostname": false, "disable_root": false,
			"ssh_authorized_keys": []string{"K1", "K2", "K3"},
		}},
		"names without values": {"#cloud-config\nhostname:\nssh_authorized_keys: ~\n", map[string]any{
			"hostname": "web", "preserve_hostname": false, "disable_root": false,
			"ssh_authorized_keys": []string{"K1", "K2"},
		}},
	} {
		out, err := userData(t, "web", []string{"K1", "K2"}, test.own)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sameValue(t, name, decodeYAML(t, out), test.want)
	}
}

// The instance's user data reaches the guest as it was written: a plain 0644 or yes means something
// else to cloud-init than a quoted one, so neither may change.
func TestUserDataKeepsItsValues(t *testing.T) {
	const own = `#cloud-config
# a comment
users:
  - name: deploy
    shell: /bin/bash # why
write_files:
  - path: /etc/motd
    permissions: 0644
    content: |2

        indented first line
      second: "line" # no comment
      	tab

  - {path: "/x", defer: yes, content: !!binary aGVsbG8=}
timeout: 1:30
script: >-
  folded
  text

  more
`
	out, err := userData(t, "web", nil, own)
	if err != nil {
		t.Fatal(err)
	}
	var before, after yaml.Node
	if err := yaml.Unmarshal([]byte(own), &before); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(out, &after); err != nil {
		t.Fatal(err)
	}
	added := after.Content[0].Content[:4] // hostname and preserve_hostname
	after.Content[0].Content = after.Content[0].Content[len(added):]
	if got, want := describe(&after), describe(&before); got != want {
		t.Errorf("got\n%s\nwant\n%s\nin\n%s", got, want, out)
	}
}

// yaml11 matches texts that a YAML 1.1 reader takes for a boolean or a number only if they are
// plain, although they are strings in either style to the library that writes them, see
// https://yaml.org/type/bool.html and https://yaml.org/type/int.html.
var yaml11 = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$|^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)

// describe writes down everything in a YAML tree that a reader of any YAML version can see.
func describe(n *yaml.Node) string {
	var b strings.Builder
	var walk func(n *yaml.Node, depth int)
	walk = func(n *yaml.Node, depth int) {
		plain := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
		fmt.Fprintf(&b, "%*s%d %s %q special=%t anchor=%q\n",
			depth, "", n.Kind, n.ShortTag(), n.Value, plain && yaml11.MatchString(n.Value), n.Anchor)
		for _, child := range n.Content {
			walk(child, depth+1)
		}
	}
	walk(n, 0)
	return b.String()
}

func TestUserDataThatCloudInitWouldNotTakeIsRefused(t *testing.T) {
	const secret = "hunter2hunter2"
	for name, own := range map[string]string{
		"no header":             "packages: [nginx]\n",
		"a script":              "#!/bin/sh\necho " + secret + "\n",
		"an include":            "#include\nhttps://example.org/" + secret + "\n",
		"an archive":            "#cloud-config-archive\n- content: " + secret + "\n",
		"a jinja template":      "## template: jinja\n#cloud-config\na: " + secret + "\n",
		"blank":                 " \n\n",
		"a list":                "#cloud-config\n- " + secret + "\n",
		"a text":                "#cloud-config\n" + secret + "\n",
		"two documents":         "#cloud-config\na: 1\n---\nb: " + secret + "\n",
		"bad YAML":              "#cloud-config\nok: 1\na: \"" + secret + "\n",
		"bad indentation":       "#cloud-config\na: " + secret + "\n  b: 1\n",
		"a secret as an alias":  "#cloud-config\npassword: *" + secret + "\n",
		"a secret as a tag":     "#cloud-config\npassword: !" + secret + "!x y\n",
		"a control character":   "#cloud-config\npassword: " + secret + "\x01\n",
		"not UTF-8":             "#cloud-config\npassword: " + secret + "\xff\n",
		"a key twice":           "#cloud-config\n" + secret + ": 1\n" + secret + ": 2\n",
		"a list as a key":       "#cloud-config\n? [" + secret + "]\n: 1\n",
		"keys that are no list": "#cloud-config\nssh_authorized_keys: " + secret + "\n",
		"an alias of itself":    "#cloud-config\na: &x [" + secret + ", *x]\n",
		"a merge of a text":     "#cloud-config\na: {<<: " + secret + "}\n",
		"rules of its own":      "#cloud-config\nmerge_how: " + secret + "\n",
		"without the template":  "#cloud-config\nvendor_data: {enabled: false, x: " + secret + "}\n",
		"a thousand million":    "#cloud-config\na: &a [" + secret + "]\n" + laughs(9),
	} {
		out, err := userData(t, "web", []string{"K1"}, own)
		switch {
		case err == nil:
			t.Errorf("%s: accepted:\n%s", name, out)
		case strings.Contains(err.Error(), secret):
			t.Errorf("%s: the error shows user data, where secrets are: %v", name, err)
		}
	}
}

// laughs is a document whose aliases expand to ten to the power of that many values.
func laughs(power int) string {
	var b strings.Builder
	for level := range power {
		fmt.Fprintf(&b, "%c: &%c [%s]\n", 'b'+level, 'b'+level,
			strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", 'a'+level), 10), ", "))
	}
	return b.String()
}

// In the document that a part of this one goes into, an alias would lead nowhere.
func TestUserDataHasItsAliasesWrittenOut(t *testing.T) {
	out, err := userData(t, "web", []string{"K1"}, `#cloud-config
base: &base {shell: /bin/bash, sudo: "no"}
keys: &keys [K2]
ssh_authorized_keys: *keys
<<: {timezone: UTC, base: lost}
users:
  - {<<: *base, name: deploy, sudo: null}
  - <<: [{name: first}, *base, {name: lost}]
`)
	if err != nil {
		t.Fatal(err)
	}
	sameValue(t, "user data", decodeYAML(t, out), map[string]any{
		"hostname":            "web",
		"preserve_hostname":   false,
		"disable_root":        false,
		"ssh_authorized_keys": []string{"K1", "K2"},
		"base":                map[string]any{"shell": "/bin/bash", "sudo": "no"},
		"keys":                []string{"K2"},
		"timezone":            "UTC",
		"users": []any{
			map[string]any{"name": "deploy", "shell": "/bin/bash", "sudo": nil},
			map[string]any{"name": "first", "shell": "/bin/bash", "sudo": "no"},
		},
	})
	for _, mark := range []string{"*", "&", "<<"} {
		if strings.Contains(string(out), mark) {
			t.Errorf("%q is left in:\n%s", mark, out)
		}
	}
}

func TestUserDataErrorsPointAtTheLine(t *testing.T) {
	for own, want := range map[string]string{
		"#cloud-config\na: 1\nb: 2\nc: @x\n": "line 4",
		"#cloud-config\na: 1\nb: 2\na: 3\n":  "line 4 repeats the key of line 2",
	} {
		if _, err := userData(t, "web", nil, own); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", own, err, want)
		}
	}
}

// Any text in a host name and in keys stays the text of that one value.
func FuzzUserDataHoldsIdentityAsData(f *testing.F) {
	f.Add("web", "ssh-ed25519 AAAA alice", "")
	f.Add("no", "a\nruncmd: [reboot]", "#cloud-config\nssh_authorized_keys: [x]\n")
	f.Add("1:30", "\" \\ ' # : {} [] & * ! | > % @ `", "#cloud-config\na: |\n  b\n")
	f.Add("\u2028\u0085\ufeff", "\x00\t\r\n", "#cloud-config\nhostname: own\n")
	f.Fuzz(func(t *testing.T, hostname, key, own string) {
		if !utf8.ValidString(hostname) || !utf8.ValidString(key) {
			t.Skip("Render refuses it before")
		}
		out, err := userData(t, hostname, []string{key, "K2"}, own)
		if err != nil {
			if own == "" {
				t.Fatal(err)
			}
			return
		}
		if !strings.HasPrefix(string(out), "#cloud-config\n") {
			t.Fatalf("begins with %.20q", out)
		}
		root, err := parseCloudConfig(string(out))
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, out)
		}
		given, err := parseCloudConfig(own)
		if err != nil {
			t.Fatal(err)
		}
		wantHostname := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: hostname, Style: yaml.DoubleQuotedStyle}
		wantKeys := []string{key, "K2"}
		for i := 0; i < len(given.Content); i += 2 {
			name, value := given.Content[i].Value, given.Content[i+1]
			if name == "hostname" && !isNull(value) {
				wantHostname = value
			}
			if name == "ssh_authorized_keys" {
				for _, node := range value.Content {
					wantKeys = append(wantKeys, node.Value)
				}
			}
			if indexOf(root, name) < 0 {
				t.Errorf("%q of the instance is lost in:\n%s", name, out)
			} else if got := root.Content[indexOf(root, name)]; name != "ssh_authorized_keys" && !isNull(value) &&
				describe(got) != describe(value) {
				t.Errorf("%q of the instance: got\n%s\nwant\n%s\nin:\n%s", name, describe(got), describe(value), out)
			}
		}
		if got := describe(valueOf(root, "hostname")); got != describe(wantHostname) {
			t.Errorf("host name: got %s, want %s", got, describe(wantHostname))
		}
		var keys []string
		for _, node := range valueOf(root, "ssh_authorized_keys").Content {
			keys = append(keys, node.Value)
		}
		if !slices.Equal(keys, wantKeys) {
			t.Errorf("keys: got %q, want %q", keys, wantKeys)
		}
	})
}

// Forms of user data in use: accepted as cloud-init accepts them, or refused with the reason.
func TestFormsOfUserDataAreTakenOrExplained(t *testing.T) {
	for name, says := range map[string]string{
		"bom": "", "crlf": "", "docmarks": "",
		"colonmap": "line 3: YAML reads the command of runcmd as a mapping, because it contains a colon",
		"dupkey":   "line 3 repeats the key of line 2",
		"equals":   `line 2: cloud-init cannot read = by itself without quotes: write "="`,
		"jinja":    "Jinja templates are not supported. A template's user_data is a Go template",
		"mime":     "MIME archives are not supported",
	} {
		config, err := os.ReadFile(filepath.Join("testdata", "userdata", name))
		if err != nil {
			t.Fatal(err)
		}
		files, err := Seed{
			InstanceID: "id", Hostname: "web", VendorData: string(config), Customization: &Customization{
				UserData: string(config), RunCommands: []string{"true"},
			},
		}.Render()
		if says != "" {
			if err == nil || !strings.Contains(err.Error(), says) || CheckCloudConfig(string(config)) == nil {
				t.Errorf("%s: %v, want %q", name, err, says)
			}
			continue
		}
		if err != nil || !strings.HasPrefix(string(files.VendorData), "#cloud-config") {
			t.Errorf("%s: %v, and vendor-data begins with %.20q", name, err, files.VendorData)
			continue
		}
		sameAsCloudInitReads(t, string(files.VendorData), string(files.VendorData))
		if commands := decodeYAML(t, files.UserData)["runcmd"].([]any); len(commands) != 3 {
			t.Errorf("%s: it runs %q", name, commands)
		}
	}
	key := testKey(t, 1, "alice")
	if keys, err := publicKeys("\ufeff" + key + "\r\n\ufeff" + key + "\n"); err != nil ||
		!slices.Equal(keys, []string{key, key}) {
		t.Errorf("keys with a byte order mark: %q, %v", keys, err)
	}
}
