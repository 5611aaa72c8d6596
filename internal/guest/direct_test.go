package guest

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

// A script does what a seed asks for only where nothing of it needs cloud-init.
func TestSeedsThatNeedCloudInitSayWhatFor(t *testing.T) {
	for want, s := range map[string]Seed{
		"":                          {Customization: &Customization{Timezone: "UTC"}, VendorData: "#cloud-config\n"},
		"the template's cloud_init": {VendorData: "#cloud-config\npackages: [nginx]\n"},
		"user_data":                 {Customization: &Customization{UserData: "#cloud-config\nruncmd: [ls]\n"}},
		"install_packages":          {Customization: &Customization{InstallPackages: []string{"nginx"}}},
		"open_ports":                {Customization: &Customization{OpenPorts: []int64{}}},
		"locale":                    {Customization: &Customization{Locale: "C.UTF-8"}},
	} {
		s.InstanceID, s.Hostname = "id", "web"
		d, reason, err := s.Direct()
		if err != nil || reason != want {
			t.Errorf("got %q, %v; want %q", reason, err, want)
		}
		if reason != "" && !reflect.DeepEqual(d, Direct{}) {
			t.Errorf("%s: there is %+v", reason, d)
		}
	}
	for _, s := range []Seed{
		{Hostname: "web"}, {InstanceID: "id", Hostname: "-"},
		{InstanceID: "id", Hostname: "web", SSHAuthorizedKeys: []string{"no"}},
		{InstanceID: "id", Hostname: "web", VendorData: "no"},
		{InstanceID: "id", Hostname: "web", Customization: &Customization{Files: map[string]File{"no": {}}}},
	} {
		if _, _, err := s.Direct(); err == nil {
			t.Errorf("%+v is accepted, and Render refuses it", s)
		}
	}
}

func TestDirectHasEverythingInOrder(t *testing.T) {
	const a, b = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH/1OwULD3Q6/HFYAkJvLuheNiktLrGtjRBafKPs50Hl a",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH/1OwULD3Q6/HFYAkJvLuheNiktLrGtjRBafKPs50Hl b"
	d, reason, err := Seed{
		InstanceID: "id", Hostname: "web.example.com", SSHAuthorizedKeys: []string{a + "\n" + b},
		Customization: &Customization{
			SSHAuthorizedKeys: []string{a},
			Users: map[string]User{
				"z": {},
				"deploy": {
					Groups: []string{"b", "a", "b"}, SSHAuthorizedKeys: []string{b}, Sudo: true, Shell: "/bin/sh",
				},
			},
			Files: map[string]File{
				"/b": {Content: "b", Permissions: "600", Owner: "root"}, "/a": {Content: "a", Owner: "deploy"},
			},
			Timezone: "UTC",
		},
	}.Direct()
	if err != nil || reason != "" {
		t.Fatal(reason, err)
	}
	report := d.Report
	d.Report = nil
	want := Direct{
		InstanceID: "id", Hostname: "web.example.com", Keys: []string{a, b}, Timezone: "UTC", Customizes: true,
		Users: []DirectUser{
			{
				Name: "deploy", Groups: []string{"a", "b"}, Keys: []string{b}, Sudo: "ALL=(ALL) NOPASSWD:ALL",
				Shell: "/bin/sh",
			},
			{Name: "z"},
		},
		Files: []DirectFile{
			{Path: "/a", Content: "a", Permissions: "0644", Owner: "deploy", Deferred: true},
			{Path: "/b", Content: "b", Permissions: "0600", Owner: "root"},
		},
	}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
	if report == nil || report.Path != scriptPath || !strings.Contains(report.Content, ReportMark("id")) ||
		report.Permissions != "0700" {
		t.Errorf("the report is %+v", report)
	}
	d, _, err = Seed{InstanceID: "id", Hostname: "web"}.Direct()
	if err != nil || d.Report != nil || d.Customizes {
		t.Errorf("a guest that has nothing to report is told to: %+v, %v", d, err)
	}
}

// What is written for netplan means what the seed says.
func TestNetplanHasWhatTheSeedHas(t *testing.T) {
	interfaces := []NetworkInterface{
		{Name: "eth0", MAC: "52:54:00:12:34:56", DHCP: true, DNS: []netip.Addr{netip.MustParseAddr("2001:db8::53")}},
		{
			Name: "lan", MAC: "52:54:00:AA:BB:CC", Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.5/32")},
			Gateways: []Gateway{{Addr: netip.MustParseAddr("192.0.2.1"), OnLink: true}},
		},
	}
	text := must.Get[string](t)(Netplan(interfaces))
	var got struct {
		Network any `yaml:"network"`
	}
	var want any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(must.Get[[]byte](t)(renderNetwork(interfaces)), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Network, want) {
		t.Errorf("got  %v\nwant %v", got.Network, want)
	}
	if !strings.HasPrefix(text, "# This file is generated from information provided by the datasource.") {
		t.Errorf("it begins without cloud-init's note:\n%s", text)
	}
	if text := must.Get[string](t)(Netplan(nil)); text != "" {
		t.Errorf("without interfaces there is %q", text)
	}
	if _, err := Netplan([]NetworkInterface{{Name: "eth0"}}); err == nil {
		t.Error("an interface without a MAC address is accepted")
	}
}
