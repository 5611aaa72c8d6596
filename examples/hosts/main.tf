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
  hosts = {
    for name, uri in var.hosts : name => {
      uri        = uri
      labels     = { rack = name }
      overcommit = { vcpus = 8 }
      reserved   = { memory_mb = 512 }
    }
  }
  # The home of the catalog: it has the documents, and gets the images that are registered.
  catalog = { host = keys(var.hosts)[0] }
}

resource "novacron_template" "web" {
  name             = "web"
  hardware_profile = { memory_mb = 128 }
  parameters = {
    hostname = { type = "string", required = true }
  }
}

resource "novacron_template_version" "web" {
  template_id = novacron_template.web.id
  version     = "1.0.0"
  source      = { path = var.image }
}

# Each goes to the host that has the most left.
resource "novacron_instance" "web" {
  count       = 2
  name        = "web-${count.index}"
  template_id = novacron_template.web.id
  version     = novacron_template_version.web.version
  parameters  = { hostname = "web-${count.index}" }
}

# This one has to be on the last host.
resource "novacron_instance" "store" {
  name        = "store"
  template_id = novacron_template.web.id
  version     = novacron_template_version.web.version
  parameters  = { hostname = "store" }
  placement = {
    require = { rack = keys(var.hosts)[length(var.hosts) - 1] }
  }
}

data "novacron_host" "all" {
  for_each   = var.hosts
  name       = each.key
  depends_on = [novacron_instance.web, novacron_instance.store]
}

output "placed" {
  value = merge({ for i in novacron_instance.web : i.name => i.placed_on }, { store = novacron_instance.store.placed_on })
}

output "memory" {
  description = "MiB of memory that the domains of each host have"
  value       = { for name, host in data.novacron_host.all : name => host.memory_allotted_mb.used }
}
