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

data "novacron_template_version" "each" {
  for_each    = toset(["plain 1.0.0", "plain 1.1.0", "plain 1.2.0", "plain 2.0.0-rc.1", "plain 3.0.0", "full 1.0.0"])
  template_id = "default/${var.at}-${split(" ", each.value)[0]}"
  constraint  = split(" ", each.value)[1]
}

data "novacron_provisioning_requests" "all" {}

data "novacron_instances" "all" {}

data "novacron_instance" "each" {
  for_each = toset(["linked", "deep", "clone", "full"])
  name     = "${var.at}-${each.value}"
}

# Without the host's name, and without what is found out of requests that no provider has ended.
output "read" {
  sensitive = true
  value = {
    templates = data.novacron_templates.all.templates
    history   = data.novacron_template_versions.plain.versions
    versions  = data.novacron_template_version.each
    requests  = [for r in data.novacron_provisioning_requests.all.requests : r if r.status == "completed"]
    failures = [
      for r in data.novacron_provisioning_requests.all.requests : r.instance_name if r.status != "completed"
    ]
    listed    = [for i in data.novacron_instances.all.instances : merge(i, { host = "" }) if startswith(i.name, var.at)]
    instances = [for i in data.novacron_instance.each : merge(i, { host = "" })]
  }
}
