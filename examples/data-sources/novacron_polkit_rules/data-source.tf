# Members of the host's group "team-a" create instances of existing templates; alice also publishes templates
data "novacron_polkit_rules" "team_a" {
  tenant       = "team-a"
  groups       = ["team-a"]
  read_tenants = ["platform"]
}

data "novacron_polkit_rules" "platform" {
  tenant      = "platform"
  users       = ["alice"]
  may_publish = true
}

# For /etc/polkit-1/rules.d on each host
output "polkit_rules" {
  value = { for r in [data.novacron_polkit_rules.team_a, data.novacron_polkit_rules.platform] : r.file_name => r.content }
}
