terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

# The machine that the image is prepared on: stopped once it is as it should be
resource "novacron_instance" "builder" {
  name        = "builder"
  template_id = "default/ubuntu-server-24.04"
  version     = "1.0.0"
  power_state = "stopped"
  parameters  = { hostname = "builder" }
}

resource "novacron_template" "golden" {
  name = "golden"
}

# Its system disk, as a version of its own
resource "novacron_template_version" "golden" {
  template_id = novacron_template.golden.id
  version     = "1.0.0"
  source      = { instance_id = novacron_instance.builder.id }

  lifecycle {
    ignore_changes = [source] # once it is captured, the builder may go
  }
}
