package guest

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

func TestCommandsThatCloudInitDoesNotTakeAreRefused(t *testing.T) {
	for body, says := range map[string]string{
		"runcmd: [date, [sh, -c, 'echo a: b'], ~, [sleep, 5], [sleep, 0.5], 'yes', !!str 5, y]": "",
		"runcmd: []\nbootcmd:\n  -\n  - |\n    true\n":                                          "",
		"packages: nginx": "",
		"runcmd: date": "line 2: runcmd is a single value, and cloud-init accepts only a list of " +
			"commands: write each command on a line of its own",
		"bootcmd: {a: b}":       "line 2: bootcmd is a mapping, and cloud-init accepts only a list of commands",
		"runcmd: |\n  a\n  b\n": "line 2: runcmd is a single value",
		"runcmd:\nbootcmd: [a]": "line 2: runcmd has no value, which cloud-init reports as an error: leave it " +
			"out, or write an empty list, runcmd: []",
		"bootcmd: ~": "line 2: bootcmd has no value",
		"runcmd: [true]": "line 2: YAML 1.1 reads the command of runcmd as true or false, a " +
			"number, or a time",
		"runcmd:\n  - date\n  - 5\n": "line 4: YAML 1.1 reads the command of runcmd as",
		"bootcmd:\n  - off\n":        "line 3: YAML 1.1 reads the command of bootcmd as",
		"runcmd: [2024-01-01]":       "put the command in quotes",
		"runcmd: [!!int '5']":        "YAML 1.1 reads the command of runcmd as",
		"runcmd:\n  - [chmod, 0644]": "line 3: YAML 1.1 does not read a word of the command of runcmd as a text, " +
			"and cloud-init would change it",
		"runcmd: [[echo, yes]]":       "a word of the command of runcmd",
		"runcmd: [[echo, ~]]":         "a word of the command of runcmd",
		"bootcmd: [[echo, [a]]]":      "line 2: the command of bootcmd is a list with a list in it",
		"bootcmd: [[echo, 'a': 'b']]": "line 2: the command of bootcmd is a list with a mapping in it",
	} {
		config := "#cloud-config\n" + body
		err := CheckCloudConfig(config)
		c := &Customization{UserData: config}
		findings := c.ValidateCommands()
		if says == "" {
			if err != nil || len(findings) > 0 {
				t.Errorf("%q: %v, %v", body, err, findings)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", body, err, says)
		}
		if len(findings) != 1 || findings[0].Path.String() != "customization.user_data" {
			t.Errorf("%q: as user data of an instance: %v", body, findings)
		}
		// An instance that has such commands keeps them. It never had any that cannot be merged
		// with the report's.
		if findings := c.Validate(""); len(findings) > 0 && !strings.Contains(says, "runcmd is") {
			t.Errorf("%q: %v", body, findings)
		}
	}
}

// PyYAML and Python decide which plain scalars are texts, and which words stay as they are.
func TestPlainScalarsAreWhatCloudInitTakesThemFor(t *testing.T) {
	scalars := []string{
		"y", "n", "Y", "yes", "Yes", "YES", "yES", "no", "on", "On", "oN", "off", "true", "TRUE", "tRue", "false", "~",
		"null", "Null", "NULL", "nULL",
		"0", "00", "08", "0644", "0o644", "0x1F", "0x", "0b101", "5", "-5", "+5", "-0", "1_000", "_1",
		"123456789012345678901", "1:30", "01:30", "1:60", "1:30.5",
		"0.5", ".5", "5.", "1.10", "-1.5", "+1.5", "-0.0", "0.0001", "0.00001", "1e3", "1.0e3", "1.0e+3",
		"1234567890.5", "123456789.5", ".inf", "-.INF", ".nan", "1.2.3",
		"2024-01-01", "2024-1-1", "2024-01-01T10:00:00Z", "2024-01-01 10:00:00", "2024-01-01 10:00", "10.0.0.1", "a",
		"1a", "192.168.0.0/24", "5%",
	}
	asCloudInitReads(t, "a: b", "a: b") // reports a missing PyYAML
	list := "- " + strings.Join(scalars, "\n- ") + "\n"
	cmd := exec.CommandContext(t.Context(), "python3", "-c",
		"import json, sys, yaml\nprint(json.dumps([[isinstance(v, str), str(v)] for v in yaml.safe_load(sys.stdin)]))")
	cmd.Stdin = strings.NewReader(list)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var read [][2]any
	if err := json.Unmarshal(out, &read); err != nil {
		t.Fatal(err)
	}
	root, err := parseCloudConfig("#cloud-config\na:\n" + list)
	if err != nil {
		t.Fatal(err)
	}
	for i, node := range valueOf(root, "a").Content {
		textual, word := read[i][0].(bool), read[i][1].(string)
		if isText(node) != textual {
			t.Errorf("%s is a text: %t, and to PyYAML: %t", scalars[i], isText(node), textual)
		}
		if kept := isText(node) || sameWord.MatchString(node.Value); kept && word != scalars[i] {
			t.Errorf("%s is taken, and becomes %s", scalars[i], word)
		}
	}
}
