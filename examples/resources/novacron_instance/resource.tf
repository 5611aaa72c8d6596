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

# A machine that keeps its identity and data while each version brings a new system disk
resource "novacron_instance" "mail" {
  name              = "mail-1"
  template_id       = novacron_template.ubuntu.id
  version           = "~> 1.1"
  on_version_change = "reimage"
  parameters        = { hostname = "mail-1" }
  storage_profile   = { disks = { data = { size_gb = 100 } } }
}

output "mail_update" {
  value = novacron_instance.mail.update_available # null if there is nothing newer
}

# A web server, customized at first boot
resource "novacron_instance" "shop" {
  name        = "shop-1"
  template_id = novacron_template.ubuntu.id
  version     = "~> 1.0"
  parameters  = { hostname = "shop-1" }

  customization = {
    install_packages = ["nftables", "nginx"]
    open_ports       = [80, 443] # and SSH; everything else from outside is dropped
    timezone         = "Europe/Berlin"
    users = {
      deploy = {
        groups              = ["www-data"]
        sudo                = true
        shell               = "/bin/bash"
        ssh_authorized_keys = [file("~/.ssh/id_ed25519.pub")]
      }
    }
    files = {
      "/etc/nginx/conf.d/shop.conf" = { content = "server_tokens off;\n" }
      "/srv/shop/token"             = { content = "…", permissions = "0600", owner = "www-data" }
    }
    run_commands = ["systemctl enable --now nginx", "nginx -t"]
    user_data    = <<-EOT
      #cloud-config
      ntp:
        servers: [ntp.example.org]
    EOT
  }
}

variable "db_password" {
  type      = string
  ephemeral = true
}

# A container, whose address is its own: nothing is published on the host's
resource "novacron_instance" "container" {
  name        = "shop-web-1"
  template_id = novacron_template.shop.id
  version     = novacron_template_version.shop.version

  container             = { env = { LOG_LEVEL = "debug" } } # over the template's, variable by variable
  parameters            = { http_port = 9090 }
  parameters_wo         = { db_password = var.db_password }
  parameters_wo_version = 1
  customization         = { files = { "/etc/shop.conf" = { content = "theme = dark\n" } } }
  wait_for              = ["healthy"]
}
