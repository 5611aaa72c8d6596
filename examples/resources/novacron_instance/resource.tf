# A linked clone of the newest 1.x version
resource "novacron_instance" "web" {
  name        = "web-1"
  description = "Web server"
  template_id = novacron_template.ubuntu.id
  version     = "~> 1.0"
  parameters = {
    hostname = "web-1"
    ssh_key  = file("~/.ssh/id_ed25519.pub")
  }
  wait_for = ["ip", "cloud_init"]
}

# A full clone of one version, larger than the template says
resource "novacron_instance" "db" {
  name             = "db-1"
  template_id      = novacron_template.ubuntu.id
  version          = "1.1.0"
  strategy         = "clone"
  parameters       = { hostname = "db-1" }
  hardware_profile = { memory_mb = 8192 }
  storage_profile  = { disks = { data = { size_gb = 500 } } }
  labels           = { role = "database" }
  autostart        = true

  timeouts {
    create = "20m"
    delete = "10m"
  }
}
