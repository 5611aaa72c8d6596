# What is read of it all.

variable "uri" { type = string }
variable "dsn" { type = string }
variable "at" { type = string }
variable "power" { type = string }
variable "changed" { type = bool }

provider "novacron" {
  uri     = var.uri
  pool    = "library"
  user    = "ann"
  catalog = var.dsn == "" ? null : { postgres = { dsn = var.dsn } }
}

data "novacron_templates" "all" {}

data "novacron_template_versions" "plain" {
  template_id = "default/${var.at}-plain"
}

data "novacron_provisioning_requests" "all" {}

data "novacron_instances" "all" {}

output "read" {
  value = {
    templates = [for t in data.novacron_templates.all.templates : t.id]
    versions = {
      for v in data.novacron_template_versions.plain.versions : v.version => "${v.state}, ${v.instance_count} instances"
    }
    requests = sort([
      for r in data.novacron_provisioning_requests.all.requests :
      "${r.action} ${r.instance_name} by ${r.requested_by}: ${r.status}"
    ])
    instances = sort([
      for i in data.novacron_instances.all.instances : "${i.name}: ${i.resolved_version}" if startswith(i.name, var.at)
    ])
  }
}
