data "novacron_resource_pool" "team" {
  name = "gold"
}

output "vcpus_left" {
  value = data.novacron_resource_pool.team.available.vcpus # null if there is no limit
}

output "full_hosts" {
  value = { for name, host in data.novacron_resource_pool.team.hosts : name => host.refusal if host.refusal != null }
}
