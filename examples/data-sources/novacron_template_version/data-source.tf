# The newest 1.x version
data "novacron_template_version" "ubuntu" {
  template_id = "team-a/ubuntu-server-24.04"
  constraint  = "~> 1.0"
}

output "image_digest" {
  value = data.novacron_template_version.ubuntu.digest
}
