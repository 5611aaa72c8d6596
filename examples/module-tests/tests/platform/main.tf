terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

variable "image" {
  type = string
}

resource "novacron_template" "web" {
  name = "web-server"
  parameters = {
    http_port = { type = "integer", default = 80, max_value = 65535 }
    workers   = { type = "integer", default = 4 }
  }
}

resource "novacron_template_version" "web" {
  template_id = novacron_template.web.id
  version     = "1.2.0"
  source      = { path = var.image }
}

output "template_id" {
  # from the version, so that it is known only once the version exists
  value = novacron_template_version.web.template_id
}
