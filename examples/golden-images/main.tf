terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

# The machine on which the image is prepared; stop it once it is ready
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
    ignore_changes = [source] # once captured, the builder may be removed
  }
}
