# A template whose machines have two networks and three kinds of disks, and an instance that overrides parts of it.

terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

provider "novacron" {
  # Templates name tiers; each host maps them to its pools.
  storage_tiers   = { fast = "nvme", bulk = "spinning" }
  public_networks = ["br-public"]
}

variable "image" {
  description = "qcow2 or raw image that starts with EFI"
  type        = string
}

resource "novacron_template" "database" {
  name = "database"

  hardware_profile = {
    cpu_count = 1 # sockets
    cpu_cores = 4 # of each socket
    memory_mb = 8192
    firmware  = "efi"
  }

  network_profile = {
    requires_public_ip       = true
    default_network_policies = ["clean-traffic"] # the guest cannot use addresses of others
    interfaces = {
      eth0 = { bridge = "br-public" }
      eth1 = {
        network          = "storage"
        ip_configuration = { dhcp_enabled = false } # each instance has an address of its own
      }
    }
  }

  storage_profile = {
    disks = {
      system  = { size_gb = 40 }
      journal = { size_gb = 20, type = "ssd", storage_tier = "fast" }
      archive = { size_gb = 500, type = "hdd", storage_tier = "bulk" }
    }
  }
}

resource "novacron_template_version" "database" {
  template_id = novacron_template.database.id
  version     = "1.0.0"
  source      = { path = var.image }
}

resource "novacron_instance" "db" {
  name        = "db-1"
  template_id = novacron_template.database.id
  version     = novacron_template_version.database.version

  # Only what differs; the rest is the template's.
  hardware_profile = { memory_mb = 16384 }
  network_profile = {
    interfaces = {
      eth1 = { ip_configuration = { static_ip = "10.20.0.5/24", dns_servers = ["10.20.0.1"] } }
    }
  }
  storage_profile = { disks = { archive = { size_gb = 1000 } } }
}
