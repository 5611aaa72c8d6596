package guest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func decodeYAML(t testing.TB, data []byte) map[string]any {
	t.Helper()
	var got map[string]any
	if err := yaml.Unmarshal(data, &got); err != nil {
		t.Fatalf("it is not YAML: %v\n%s", err, data)
	}
	return got
}

// sameValue compares values as JSON, where ints and lists have one type each.
func sameValue(t *testing.T, what string, got, want any) {
	t.Helper()
	gotJSON, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	wantJSON, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(gotJSON, wantJSON) {
		t.Errorf("%s: got  %s\nwant %s", what, gotJSON, wantJSON)
	}
}

func TestSeedTellsTheGuestWhoItIs(t *testing.T) {
	alice, bob := testKey(t, 1, "alice"), testKey(t, 2, "bob")
	files, err := Seed{
		InstanceID:        "0b6f3e9c-1d7a-4c5e-9a55-3a2e0c8d1f00",
		Hostname:          "web-1.example.org",
		SSHAuthorizedKeys: []string{alice + "\n" + bob + "\n", bob},
		VendorData:        "#cloud-config\ntimezone: UTC\n",
		NetworkInterfaces: []NetworkInterface{
			{Name: "eth0", MAC: "52:54:00:AB:CD:EF", DHCP: true},
			{Name: "storage", MAC: "52:54:00:12:34:56", DHCP: true},
		},
	}.Render()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(files.UserData, []byte("#cloud-config\n")) {
		t.Errorf("cloud-init would ignore user data that begins with %.20q", files.UserData)
	}
	data := decodeYAML(t, files.UserData)
	if len(written(t, data)) != 1 {
		t.Errorf("it writes %v, want what reports", data["write_files"])
	}
	delete(data, "write_files")
	sameValue(t, "user-data", data, map[string]any{
		"hostname":            "web-1.example.org",
		"preserve_hostname":   false,
		"disable_root":        false,
		"ssh_authorized_keys": []string{alice, bob},
	})
	if got, want := string(files.VendorData), "#cloud-config\ntimezone: UTC\n"; got != want {
		t.Errorf("vendor-data is %q, want %q", got, want)
	}
	sameValue(t, "meta-data", decodeYAML(t, files.MetaData), map[string]any{
		"instance-id":    "0b6f3e9c-1d7a-4c5e-9a55-3a2e0c8d1f00",
		"local-hostname": "web-1.example.org",
	})
	sameValue(t, "network-config", decodeYAML(t, files.NetworkConfig), map[string]any{
		"version": 2,
		"ethernets": map[string]any{
			"eth0": map[string]any{
				"match":           map[string]any{"macaddress": "52:54:00:ab:cd:ef"},
				"set-name":        "eth0",
				"dhcp4":           true,
				"dhcp6":           false,
				"dhcp-identifier": "mac",
			},
			"storage": map[string]any{
				"match":           map[string]any{"macaddress": "52:54:00:12:34:56"},
				"dhcp4":           true,
				"dhcp6":           false,
				"dhcp-identifier": "mac",
				"optional":        true,
			},
		},
	})
}

func TestSeedWithoutKeysLeavesRootLoginToTheImage(t *testing.T) {
	files, err := Seed{InstanceID: "web", Hostname: "web"}.Render()
	if err != nil {
		t.Fatal(err)
	}
	sameValue(t, "user-data", decodeYAML(t, files.UserData), map[string]any{
		"hostname": "web", "preserve_hostname": false,
	})
	if files.NetworkConfig != nil {
		t.Errorf("without interfaces cloud-init is left to find them, but network-config is %q", files.NetworkConfig)
	}
}

// PyYAML, which cloud-init uses, would read these as a boolean, a number in base 60 or a number
// unless they are in quotes.
func TestSeedQuotesWhatYAML11WouldMisread(t *testing.T) {
	files, err := Seed{
		InstanceID: "12345", Hostname: "no",
		NetworkInterfaces: []NetworkInterface{{Name: "on", MAC: "52-54-00-12-34-56"}},
	}.Render()
	if err != nil {
		t.Fatal(err)
	}
	all := string(slices.Concat(files.UserData, files.MetaData, files.NetworkConfig))
	for _, want := range []string{
		`hostname: "no"`, `instance-id: "12345"`, `local-hostname: "no"`, `"on":`, `macaddress: "52:54:00:12:34:56"`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing in:\n%s", want, all)
		}
	}
}

func TestSeedIsDeterministic(t *testing.T) {
	seed := Seed{
		InstanceID: "web", Hostname: "web", SSHAuthorizedKeys: []string{testKey(t, 1, ""), testKey(t, 2, "")},
		Customization: &Customization{
			UserData: "#cloud-config\nz: 1\na: {c: 1, b: 2}\n", OpenPorts: []int64{443, 80},
			Users: map[string]User{"a": {Groups: []string{"y", "x"}}, "b": {}},
			Files: map[string]File{"/a": {}, "/b": {}, "/c": {}},
		},
		NetworkInterfaces: []NetworkInterface{
			{Name: "eth1", MAC: "52:54:00:00:00:01"}, {Name: "eth0", MAC: "52:54:00:00:00:02"},
			{Name: "eth10", MAC: "52:54:00:00:00:03"},
		},
	}
	first, err := seed.Render()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := seed.Render()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(first, again) {
			t.Fatalf("rendered differently:\n%s\n%s", first, again)
		}
	}
}

func TestSeedRefusesWhatTheGuestCouldNotUse(t *testing.T) {
	nic := func(name, mac string) NetworkInterface { return NetworkInterface{Name: name, MAC: mac} }
	for name, spoil := range map[string]func(*Seed){
		"no instance ID":             func(s *Seed) { s.InstanceID = "" },
		"an instance ID with a path": func(s *Seed) { s.InstanceID = "../../etc" },
		"no host name":               func(s *Seed) { s.Hostname = "" },
		"a bad host name":            func(s *Seed) { s.Hostname = "web\nroot: true" },
		"a bad key":                  func(s *Seed) { s.SSHAuthorizedKeys = []string{"ssh-rsa nonsense"} },
		"an interface without name": func(s *Seed) {
			s.NetworkInterfaces = []NetworkInterface{nic("", "52:54:00:00:00:01")}
		},
		"an interface without MAC": func(s *Seed) { s.NetworkInterfaces = []NetworkInterface{nic("eth0", "")} },
		"an EUI-64 as MAC": func(s *Seed) {
			s.NetworkInterfaces = []NetworkInterface{nic("eth0", "02:00:5e:10:00:00:00:01")}
		},
		"a name twice": func(s *Seed) {
			s.NetworkInterfaces = []NetworkInterface{nic("eth0", "52:54:00:00:00:01"), nic("eth0", "52:54:00:00:00:02")}
		},
		"a MAC twice": func(s *Seed) {
			s.NetworkInterfaces = []NetworkInterface{nic("eth0", "52:54:00:00:00:0a"), nic("eth1", "52:54:00:00:00:0A")}
		},
	} {
		seed := Seed{InstanceID: "web", Hostname: "web"}
		if _, err := seed.Render(); err != nil {
			t.Fatalf("unspoilt: %v", err)
		}
		spoil(&seed)
		if files, err := seed.Render(); err == nil {
			t.Errorf("%s: accepted:\n%s", name, files)
		}
	}
}
