terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

# A release is a line here. An archived one gets no new instances, and its clones keep their image.
variable "releases" {
  type = map(object({
    image = string
    state = optional(string, "active")
  }))
  default = {
    "1.0.0" = { image = "images/web-1.0.qcow2", state = "archived" }
    "1.1.0" = { image = "images/web-1.1.qcow2" }
  }
}

resource "novacron_template" "web" {
  name = "web"
}

resource "novacron_template_version" "web" {
  for_each    = var.releases
  template_id = novacron_template.web.id
  version     = each.key
  source      = { path = each.value.image }
  state       = each.value.state

  lifecycle {
    create_before_destroy = true # instances leave a release before it is removed
  }
}

# Follows the newest active release.
resource "novacron_instance" "web" {
  name        = "web-1"
  template_id = novacron_template.web.id
  version = provider::novacron::newest_version(
    [for number, release in var.releases : number if release.state == "active"], "~> 1.0"
  )
  on_version_change = "reimage"
  power_state       = "stopped"

  depends_on = [novacron_template_version.web] # a release exists before it is used, and is removed after its last use
}
