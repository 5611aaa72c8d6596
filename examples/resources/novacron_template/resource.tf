resource "novacron_template" "ubuntu" {
  name             = "ubuntu-server-24.04"
  display_name     = "Ubuntu Server 24.04 LTS"
  description      = "Standard Ubuntu Server"
  labels           = { os = "linux", distro = "ubuntu" }
  default_strategy = "linked_clone"

  hardware_profile = {
    cpu_cores = 2
    memory_mb = 2048
  }
  network_profile = {
    interfaces = {
      eth0 = { network = "default" }
      eth1 = { bridge = "br0" }
    }
  }
  storage_profile = {
    disks = {
      system = { size_gb = 40 }
      data   = { size_gb = 100 }
    }
  }
  parameters = {
    hostname = { type = "string", required = true }
    ssh_key  = { type = "text", description = "SSH public key that may log in as root" }
  }

  # Who may do what, besides the owner; without it, all users of the tenant may do everything
  access_control = {
    use_tenants  = ["team-b"]
    write_groups = ["platform"]
  }
}

# Containers on the same host, network and pool
resource "novacron_template" "shop" {
  name = "shop-web"
  type = "container"

  container = {
    command = ["--port", "{{ .http_port }}"]
    env     = { DB_PASSWORD = "{{ .db_password }}" }
    health_check = {
      command          = ["CMD-SHELL", "wget -qO- http://127.0.0.1:{{ .http_port }}/"]
      interval_seconds = 5
      timeout_seconds  = 3
    }
    tmpfs = { "/run" = { size_mb = 16 } }
  }
  hardware_profile = { memory_mb = 256 }
  storage_profile = {
    disks = {
      system = { size_gb = 2 } # what the container writes
      data   = { size_gb = 10, mount_path = "/var/lib/shop" }
    }
  }
  parameters = {
    http_port   = { type = "integer", default = 8080 }
    db_password = { type = "string", required = true, sensitive = true }
  }
}
