package provider_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// brokenTemplate is a template whose last command fails, as that of the worked example would
// without its unit.
const brokenTemplate = `
resource "novacron_template" "broken" {
  name             = "broken"
  hardware_profile = { cpu_cores = 1, cpu_type = "Nehalem", memory_mb = 512 }
  cloud_init = {
    user_data = <<-EOT
      #cloud-config
      runcmd:
        - [systemctl, try-restart, no-such-unit]
    EOT
  }
}
resource "novacron_template_version" "broken" {
  template_id = novacron_template.broken.id
  version     = "1.0.0"
  source      = { path = var.image }
}
resource "novacron_instance" "broken" {
  name        = "broken-1"
  template_id = novacron_template.broken.id
  version     = novacron_template_version.broken.version
  timeouts { create = "60m" }
}
`

// The guide's worked example does in a real guest what it says, and its user can log in. A template
// whose command fails is an error of the apply, though nothing but the default is waited for.
func TestAccWorkedExampleWorks(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	w := tfacc.NewWorkspace(t, "")
	pool, _ := host.Pool(t, tfacc.Name("worked"))
	home, private := homeWithKey(t)
	w.Setenv("NOVACRON_POOL", pool)
	tenant := tfacc.Name("worked")
	w.Setenv("NOVACRON_TENANT", tenant)
	w.Setenv("HOME", home)
	w.Setenv("TF_VAR_image", acctest.DebianImage(t))
	// Two emulated processors take longer than one, and so does one with wider registers.
	worked := exchanged(t, example(t, "writing-a-template/main.tf"),
		"{ cpu_cores = 2, memory_mb = 2048 }", `{ cpu_cores = 1, cpu_type = "Nehalem", memory_mb = 512 }`,
		"  version     = novacron_template_version.app.version\n",
		"  version     = novacron_template_version.app.version\n  timeouts { create = \"60m\" }\n",
	)
	w.Write(t, "main.tf", worked+brokenTemplate)
	t.Cleanup(func() { w.Destroy(t) })
	out := w.Fails(t, "apply", "-auto-approve")
	tfacc.Says(t, out, "Instance did not become ready", "with novacron_instance.broken",
		`Instance "broken-1" was not ready: condition "user_data" was not met after`,
		"last seen: a report of the guest", "cloud-init: status: error",
		"Runparts: 1 failures (runcmd) in 1 attempted commands", "The end of the guest's console:", "no-such-unit",
		"A longer time does not help", "the next apply replaces it")
	if strings.Contains(tfacc.Prose(out), `"app-1" was not ready`) {
		t.Errorf("the worked example failed:\n%s", out)
	}

	host.Virsh(t, "destroy", tenant+".broken-1") // to shut down takes an emulated guest long
	w.Write(t, "main.tf", worked)
	w.Apply(t)
	w.EmptyPlan(t)
	address, err := w.Run(t.Context(), "output", "-raw", "address")
	if err != nil {
		t.Fatal(err)
	}
	got := host.Exec(t, "ssh", "-i", private, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "BatchMode=yes", "-o", "ConnectTimeout=60", "root@"+strings.TrimSpace(address),
		"systemctl is-active app; cat /etc/app/app.json /etc/app/origins; ls /var/lib/cloud/scripts/per-boot; "+
			"cloud-init status")
	const want = "active\n" + `{"theme":"dark","workers":"4"}` +
		"https://example.org\nhttps://example.comstatus: done\n"
	if got != want {
		t.Errorf("the guest says\n%s\nwant\n%s", got, want)
	}
	host.Virsh(t, "destroy", tenant+".app-1")
}
