# The templates that this tenant may use for Linux machines
data "novacron_templates" "linux" {
  state  = "active"
  labels = { os = "linux" }
}

# What other tenants have shared with this one
data "novacron_templates" "shared" {
  visibility = "shared"
}

output "linux_templates" {
  value = { for t in data.novacron_templates.linux.templates : t.id => t.description }
}
