# Three web servers that no failure of one host takes down together.

terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

variable "hosts" {
  description = "libvirt URIs of the hosts, by name"
  type        = map(string)
}

variable "image" {
  description = "Disk image, raw or qcow2"
  type        = string
}

provider "novacron" {
  hosts   = { for name, uri in var.hosts : name => { uri = uri, overcommit = { vcpus = 8 } } }
  catalog = { host = keys(var.hosts)[0] }
}

resource "novacron_template" "web" {
  name             = "web"
  hardware_profile = { memory_mb = 128 }
}

resource "novacron_template_version" "web" {
  template_id = novacron_template.web.id
  version     = "1.0.0"
  source      = { path = var.image }
}

# As many as there are hosts, each on its own.
resource "novacron_instance" "web" {
  count       = length(var.hosts)
  name        = "web-${count.index}"
  template_id = novacron_template.web.id
  version     = novacron_template_version.web.version
  power_state = "stopped"
  placement = {
    group  = "web"
    strict = true
  }
}

# These prefer to be apart: two share a host if there are more of them than hosts.
resource "novacron_instance" "worker" {
  count       = length(var.hosts) + 1
  name        = "worker-${count.index}"
  template_id = novacron_template.web.id
  version     = novacron_template_version.web.version
  power_state = "stopped"
  placement   = { group = "worker" }
}

output "placed" {
  value = { for i in concat(novacron_instance.web, novacron_instance.worker) : i.name => i.placed_on }
}
