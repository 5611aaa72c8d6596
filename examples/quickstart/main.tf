terraform {
  required_version = ">= 1.11"
  required_providers {
    novacron = {
      source = "novacron/novacron"
    }
  }
}

# The host comes from NOVACRON_URI or LIBVIRT_DEFAULT_URI; without them it is this machine's qemu:///system.
provider "novacron" {}

# The shape of a Debian machine, and the parameters that its users may set.
resource "novacron_template" "debian" {
  name         = "debian"
  display_name = "Debian 12"
  description  = "Debian with cloud-init, sshd and the QEMU guest agent"
  labels       = { os = "linux", distro = "debian" }

  hardware_profile = {
    cpu_cores = 1
    memory_mb = 512
  }
  parameters = {
    hostname = { type = "string", required = true, description = "Host name of the machine" }
    ssh_key  = { type = "text", description = "SSH public key that may log in as root" }
  }
}

# An image for it. The pool stores it once, however many instances there are.
resource "novacron_template_version" "v1" {
  template_id = novacron_template.debian.id
  version     = "1.0.0"
  description = "First version"
  source      = { path = var.image }

  lifecycle {
    create_before_destroy = true # the next version exists before instances move to it, and the old one is removed last
  }
}

# A linked clone shares the version's image and is created in an instant.
resource "novacron_instance" "web" {
  name        = "web-1"
  description = "Linked clone"
  template_id = novacron_template.debian.id
  version     = novacron_template_version.v1.version
  strategy    = "linked_clone"
  parameters  = { hostname = "web-1", ssh_key = var.ssh_public_key }
  wait_for    = ["ip", "agent", "cloud_init"]

  timeouts {
    create = "15m" # without hardware virtualisation a first boot takes minutes
  }
}

# A full clone has a copy of its own, here grown to 4 GiB, and depends on nothing.
resource "novacron_instance" "db" {
  name            = "db-1"
  description     = "Full clone"
  template_id     = novacron_template.debian.id
  version         = novacron_template_version.v1.version
  strategy        = "clone"
  parameters      = { hostname = "db-1", ssh_key = var.ssh_public_key }
  storage_profile = { disks = { system = { size_gb = 4 } } }
  wait_for        = ["ip", "agent", "cloud_init"]

  timeouts {
    create = "15m"
  }
}
