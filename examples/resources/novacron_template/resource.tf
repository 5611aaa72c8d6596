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
