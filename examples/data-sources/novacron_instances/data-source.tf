# The web servers that run
data "novacron_instances" "web" {
  template_id = "team-a/ubuntu-server-24.04"
  status      = "running"
  labels      = { role = "web" }
}

output "backends" {
  value = { for i in data.novacron_instances.web.instances : i.name => i.ip_address }
}

# Everything that a newer version is there for
data "novacron_instances" "all" {}

output "outdated" {
  value = { for i in data.novacron_instances.all.instances : i.name => "${i.resolved_version} -> ${i.update_available}" if i.update_available != null }
}
