# The library as the earlier provider made it, by the tenant "default".

variable "uri" { type = string }
variable "dsn" { type = string } # of the catalog in PostgreSQL; "" for the one in the pool
variable "at" { type = string }  # what the names of instances begin with

# What it was made with, and then changed to
variable "power" { type = string } # of the instance that has run
variable "changed" { type = bool }

provider "novacron" {
  uri               = var.uri
  pool              = "library"
  user              = "ann"
  catalog           = var.dsn == "" ? null : { postgres = { dsn = var.dsn } }
  request_retention = { age_days = 36500 }
}

resource "novacron_template" "plain" {
  name             = "${var.at}-plain"
  description      = var.changed ? "changed" : null
  hardware_profile = { memory_mb = 64 }
}

resource "novacron_template" "full" {
  name                = "${var.at}-full"
  display_name        = "Everything"
  description         = var.changed ? "changed" : "All that a template can say"
  labels              = { os = "linux", tier = "gold" }
  default_strategy    = "clone"
  deletion_protection = !var.changed
  hardware_profile    = { cpu_count = 1, cpu_cores = 2, cpu_type = "Nehalem", memory_mb = 96 }

  network_profile = {
    default_network_policies = ["clean-traffic"]
    interfaces = {
      eth0 = {
        network     = "default"
        mac_address = "52:54:00:00:${var.at == "pool" ? "01" : "02"}:01"
        type        = "e1000"
        ip_configuration = {
          static_ip   = "192.168.122.${var.at == "pool" ? 201 : 202}/24"
          gateway     = "192.168.122.1"
          dns_servers = ["192.168.122.1"]
        }
      }
    }
  }
  storage_profile = {
    disks = {
      system = { is_system_disk = true, type = "ssd" }
      data   = { size_gb = 1, type = "hdd" }
    }
  }
  parameters = {
    hostname = { type = "string", required = true, regex = "^[a-z]+$" }
    port     = { type = "integer", default = "8080", min_value = 1, max_value = 65535 }
    ratio    = { type = "number", default = "0.5" }
    verbose  = { type = "bool", default = "true" }
    tags     = { type = "list", default = "[\"a\", \"b\"]", allowed_values = ["a", "b", "c"] }
    origins  = { type = "map", default = "{\"one\": \"1\"}" }
    motd     = { type = "text", max_length = 200 }
    memory   = { type = "integer", target = "hardware.memory_mb" }
    token    = { type = "string", sensitive = true }
  }
  cloud_init = {
    user_data = <<-EOT
      #cloud-config
      write_files:
        - path: /etc/app
          content: {{ json . | quote }}
      runcmd:
        - [echo, {{ quote .hostname }}]
    EOT
  }
  access_control = {
    write_users = ["ann"]
    read_groups = var.changed ? ["ops"] : null
    use_tenants = ["bank"]
  }
}

resource "novacron_template_version" "first" {
  template_id = novacron_template.plain.id
  version     = "1.0.0"
  description = var.changed ? "changed" : "A whole image"
  source      = { path = "first.qcow2" }
  verify      = "full"
}

resource "novacron_template_version" "differs" {
  template_id    = novacron_template.plain.id
  version        = "1.1.0"
  parent_version = novacron_template_version.first.version
  source         = { path = "second.qcow2" }
}

resource "novacron_template_version" "deprecated" {
  template_id         = novacron_template.plain.id
  version             = "1.2.0"
  source              = { path = "third.raw.gz", checksum = "sha256:${filesha256("third.raw.gz")}" }
  state               = var.changed ? "archived" : "deprecated"
  deprecation_message = "Use 1.1.0."
}

resource "novacron_template_version" "draft" {
  template_id      = novacron_template.plain.id
  version          = "2.0.0-rc.1"
  source           = { path = "first.qcow2" }
  state            = var.changed ? "active" : "draft"
  hardware_profile = { memory_mb = 80 }
}

resource "novacron_template_version" "captured" {
  template_id = novacron_template.plain.id
  version     = "3.0.0"
  source      = { instance_id = novacron_instance.clone.id }
}

resource "novacron_template_version" "full" {
  template_id         = novacron_template.full.id
  version             = "1.0.0"
  source              = { path = "third.raw.gz" }
  deletion_protection = !var.changed
}

# Has run, and is switched off
resource "novacron_instance" "linked" {
  name              = "${var.at}-linked"
  description       = "A linked clone"
  template_id       = novacron_template.plain.id
  version           = (var.changed ? novacron_template_version.differs : novacron_template_version.first).version
  on_version_change = "reimage"
  power_state       = var.power
  wait_for          = []
  labels            = { role = "web", stage = var.changed ? "two" : "one" }
  storage_profile   = { disks = { data = { size_gb = 1 } } }
  timeouts {
    update = var.changed ? "10m" : "2s"
    delete = "1s"
  }
}

# Stands on two images
resource "novacron_instance" "deep" {
  name        = "${var.at}-deep"
  description = var.changed ? "changed" : null
  template_id = novacron_template.plain.id
  version     = novacron_template_version.differs.version
  power_state = "stopped"

  hardware_profile = { memory_mb = var.changed ? 96 : 64 }
}

resource "novacron_instance" "clone" {
  name        = "${var.at}-clone"
  template_id = novacron_template.plain.id
  version     = "~> ${novacron_template_version.first.version}, < 1.1.0"
  strategy    = "clone"
  power_state = "stopped"
  autostart   = !var.changed

  storage_profile = var.changed ? { disks = { data = { size_gb = 1 } } } : null
}

resource "novacron_instance" "full" {
  name        = "${var.at}-full"
  template_id = novacron_template.full.id
  version     = novacron_template_version.full.version
  power_state = "stopped"
  wait_for    = ["ip", "cloud_init"]
  labels      = var.changed ? { role = "web" } : null

  storage_profile = { disks = { data = { size_gb = var.changed ? 2 : 1 } } }

  parameters            = { hostname = "full", tags = ["b", "c"], motd = "Hello,\nworld\n", memory = 128, port = 80 }
  parameters_wo         = { token = "an example" }
  parameters_wo_version = 1

  customization = {
    install_packages    = ["nginx"]
    open_ports          = [80]
    timezone            = "Europe/Berlin"
    locale              = "de_DE.UTF-8"
    ssh_authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDNlyHhCyLfpOS80WSmwU+DGiEhJrhTGhGb5EEU09nNU an example"]
    users               = { deploy = { groups = ["www-data"], sudo = true } }
    files               = { "/etc/motd" = { content = "Hello\n", permissions = "0600" } }
    run_commands        = ["true"]
  }
}
