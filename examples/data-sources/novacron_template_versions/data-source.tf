# All versions of a template, newest first
data "novacron_template_versions" "ubuntu" {
  template_id = "team-a/ubuntu-server-24.04"
}

# Versions without instances
output "unused_versions" {
  value = [for v in data.novacron_template_versions.ubuntu.versions : v.version if v.instance_count == 0]
}
