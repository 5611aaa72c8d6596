# What the tenant "bank" has of it: an instance of the template that is shared with it.

variable "uri" { type = string }
variable "dsn" { type = string }
variable "at" { type = string }
variable "power" { type = string }
variable "changed" { type = bool }

provider "novacron" {
  uri               = var.uri
  pool              = "library"
  tenant            = "bank"
  user              = "tom"
  catalog           = var.dsn == "" ? null : { postgres = { dsn = var.dsn } }
  request_retention = { age_days = 36500 }
}

resource "novacron_instance" "it" {
  name            = "${var.at}-shared"
  description     = var.changed ? "changed" : null
  template_id     = "default/${var.at}-full"
  version         = "1.0.0"
  strategy        = "linked_clone"
  power_state     = "stopped"
  parameters      = { hostname = "shared" }
  network_profile = { interfaces = { eth0 = { mac_address = "52:54:00:00:${var.at == "pool" ? "01" : "02"}:02" } } }
}
