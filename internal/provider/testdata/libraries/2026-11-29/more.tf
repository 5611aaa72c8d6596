# What is added to it.

# The image of a version that is there
resource "novacron_template_version" "same" {
  template_id = novacron_template.plain.id
  version     = "1.3.0"
  source      = { path = "first.qcow2" }
}

# Stands on an image that stands on another one
resource "novacron_template_version" "deeper" {
  template_id    = novacron_template.plain.id
  version        = "1.4.0"
  parent_version = novacron_template_version.differs.version
  source         = { path = "fifth.qcow2" }
}

resource "novacron_instance" "more" {
  for_each    = { first = novacron_template_version.first.version, deeper = novacron_template_version.deeper.version }
  name        = "${var.at}-${each.key}"
  template_id = novacron_template.plain.id
  version     = each.value
  wait_for    = []
  timeouts { delete = "1s" }
}

output "sent" {
  value = novacron_template_version.same.transferred_bytes
}
