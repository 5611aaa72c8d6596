# demo.sh copies this file next to the example.

variable "login" {
  description = "Command that logs in to a guest of the host, up to the user and address"
  type        = string
}

data "novacron_provisioning_requests" "made" {
  depends_on = [novacron_instance.web, novacron_instance.db]
}

locals {
  steps = { for request in data.novacron_provisioning_requests.made.requests : request.request_id => request.steps }
}

output "report" {
  description = "What was made, for people"
  sensitive   = true # not a secret, but keeps apply from printing the report, too
  value = join("\n", flatten([for instance in [novacron_instance.web, novacron_instance.db] : [
    "${instance.name} (${instance.strategy}) has the address ${coalesce(instance.ip_address, "none")}",
    [for step in local.steps[instance.provisioning.request_id] :
    format("%9.1f s  %s", step.duration_ms / 1000, step.name)],
    "    Log in:  ${var.login} root@${coalesce(instance.ip_address, "none")}",
    "",
  ]]))
}
