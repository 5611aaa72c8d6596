terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

resource "novacron_template" "web" {
  name = "web"
}

# The whole image is sent.
resource "novacron_template_version" "web_1_0" {
  template_id = novacron_template.web.id
  version     = "1.0.0"
  source      = { path = "images/web-1.0.qcow2" }
}

# Only what differs from 1.0.0 is sent.
resource "novacron_template_version" "web_1_1" {
  template_id    = novacron_template.web.id
  version        = "1.1.0"
  parent_version = novacron_template_version.web_1_0.version
  source         = { path = "images/web-1.1.qcow2" }
}

output "sent" {
  value = {
    all         = novacron_template_version.web_1_0.transferred_bytes
    differences = novacron_template_version.web_1_1.transferred_bytes
  }
}
