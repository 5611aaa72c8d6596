locals {
  id = provider::novacron::parse_id("platform/ubuntu-server-24.04@1.1.0")
}

output "template" {
  value = "${local.id.name} ${local.id.version} of ${local.id.tenant}"
}
