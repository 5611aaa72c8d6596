# The running web servers
data "novacron_instances" "web" {
  template_id = "team-a/ubuntu-server-24.04"
  status      = "running"
  labels      = { role = "web" }
}

output "backends" {
  value = { for i in data.novacron_instances.web.instances : i.name => i.ip_address }
}

# All instances for which there is a newer version
data "novacron_instances" "all" {}

output "outdated" {
  value = { for i in data.novacron_instances.all.instances : i.name => "${i.resolved_version} -> ${i.update_available}" if i.update_available != null }
}
