# A platform team shares out its hosts between two teams. In practice, each team has a configuration of its own.

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

locals {
  hosts   = { for name, uri in var.hosts : name => { uri = uri, overcommit = { vcpus = 8 } } }
  catalog = { host = keys(var.hosts)[0] }
}

provider "novacron" {
  hosts   = local.hosts
  catalog = local.catalog
  tenant  = "platform"
}

provider "novacron" {
  alias   = "team_a"
  hosts   = local.hosts
  catalog = local.catalog
  tenant  = "team-a"
}

provider "novacron" {
  alias   = "team_b"
  hosts   = local.hosts
  catalog = local.catalog
  tenant  = "team-b"
}

# What each team may take of these hosts.
resource "novacron_resource_pool" "gold" {
  name  = "gold"
  hosts = keys(var.hosts)
  tenants = {
    team-a = { vcpus = 4, memory_mb = 1024, disk_gb = 10 }
    team-b = { instances = 1 }
  }
}

resource "novacron_template" "web" {
  name             = "web"
  is_public        = true
  hardware_profile = { memory_mb = 128 }
}

resource "novacron_template_version" "web" {
  template_id = novacron_template.web.id
  version     = "1.0.0"
  source      = { path = var.image }
}

resource "novacron_instance" "a" {
  provider      = novacron.team_a
  count         = 2
  name          = "web-${count.index}"
  template_id   = novacron_template.web.id
  version       = novacron_template_version.web.version
  resource_pool = novacron_resource_pool.gold.id
  power_state   = "stopped"
}

resource "novacron_instance" "b" {
  provider      = novacron.team_b
  name          = "web-0"
  template_id   = novacron_template.web.id
  version       = novacron_template_version.web.version
  resource_pool = novacron_resource_pool.gold.id
  power_state   = "stopped"
}

data "novacron_resource_pool" "a" {
  provider   = novacron.team_a
  name       = novacron_resource_pool.gold.id
  depends_on = [novacron_instance.a]
}

output "left" {
  description = "What team-a may still take"
  value       = data.novacron_resource_pool.a.available
}
