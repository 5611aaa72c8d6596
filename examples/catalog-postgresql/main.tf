# A team whose catalog is in PostgreSQL. The images and machines are on the host, as always.

terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

variable "database_password" {
  description = "Password of the role nova_team_a"
  type        = string
  sensitive   = true
}

provider "novacron" {
  uri    = "qemu+ssh://admin@kvm1.example.org/system"
  tenant = "team-a"

  catalog = {
    postgres = {
      dsn = "postgres://nova_team_a:${urlencode(var.database_password)}@db.example.org/nova?sslmode=verify-full"
    }
  }
}

# Shared by its owner, the tenant "platform": the server shows it to team-a, whose users cannot change it.
data "novacron_template" "ubuntu" {
  id = "platform/ubuntu-server-24.04"
}

resource "novacron_instance" "web" {
  name        = "web-1"
  template_id = data.novacron_template.ubuntu.id
}
