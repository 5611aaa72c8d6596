package tfconfig

import (
	"testing"
)

// A composed configuration looks as if a person had written it.
func TestResourcesAreComposed(t *testing.T) {
	template := Template{
		Name:            "web",
		HardwareProfile: &Hardware{CPUType: "Nehalem", MemoryMB: 128},
		Parameters:      map[string]Parameter{"hostname": {Type: "string"}},
	}
	version := Version{Version: "1.0.0", Source: &Source{Path: "/tmp/a b.qcow2"}}.Of(template)
	version.Lifecycle = &Lifecycle{CreateBeforeDestroy: true}
	instance := Instance{
		Name: "web-1", WaitFor: []string{}, Timeouts: &Timeouts{Delete: "1s"},
		StorageProfile: &Storage{Disks: map[string]Disk{"system": {}, "data": {SizeGB: 1}}},
	}.Of(template, version)
	instance.Label, instance.Provider, instance.DependsOn = "first", "novacron.bank", []Expr{"novacron_template.other"}
	instance.Settings = []string{`power_state = "stopped"`, "provisioner \"local-exec\" {\n  command = \"true\"\n}"}
	const want = `provider "novacron" {
  pool = "images"
}
resource "novacron_template" "it" {
  name = "web"
  hardware_profile = {
    memory_mb = 128
    cpu_type  = "Nehalem"
  }
  parameters = {
    hostname = {
      type = "string"
    }
  }
}
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = "1.0.0"
  source = {
    path = "/tmp/a b.qcow2"
  }
  lifecycle {
    create_before_destroy = true
  }
}
resource "novacron_instance" "first" {
  provider    = novacron.bank
  depends_on  = [novacron_template.other]
  name        = "web-1"
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
  storage_profile = {
    disks = {
      data = {
        size_gb = 1
      }
      system = {}
    }
  }
  wait_for = []
  timeouts {
    delete = "1s"
  }
  power_state = "stopped"
  provisioner "local-exec" {
    command = "true"
  }
}
`
	got := Render(Provider{Pool: "images"}, template, version, instance)
	if got != want {
		t.Errorf("rendered is\n%s\nwant\n%s", got, want)
	}
	provider := Provider{Pool: "images"}.String()
	if apart := provider + template.String() + version.String() + instance.String(); apart != want {
		t.Errorf("rendered one by one is\n%s\nwant\n%s", apart, want)
	}
	if got := instance.Ref("id"); got != "novacron_instance.first.id" {
		t.Errorf("the instance is referred to as %s", got)
	}
}
