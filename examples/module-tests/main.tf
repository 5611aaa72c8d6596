terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

variable "name" {
  type = string
}

variable "template_id" {
  type    = string
  default = "platform/web-server"
}

variable "http_port" {
  type    = number
  default = 8080

  validation {
    condition     = var.http_port >= 1024
    error_message = "The server does not run as root: http_port must be 1024 or higher."
  }
}

variable "power_state" {
  type    = string
  default = "running"
}

resource "novacron_instance" "web" {
  name        = var.name
  template_id = var.template_id
  version     = "~> 1.0"
  power_state = var.power_state
  parameters  = { http_port = var.http_port }
}

output "url" {
  # null while the guest has no address
  value = try("http://${novacron_instance.web.ip_address}:${var.http_port}/", null)
}

output "workers" {
  # null with a mock that does not set it
  value = try(nonsensitive(novacron_instance.web.effective_parameters.workers), null)
}
