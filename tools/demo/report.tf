# Copied next to the example by demo.sh.

variable "login" {
  description = "Command that logs in to a guest of the host, up to the user and address"
  type        = string
}

output "report" {
  description = "What was made, for people"
  value = join("", [for instance in [novacron_instance.web, novacron_instance.db] : <<-EOT

    ${instance.name} (${instance.strategy}) has the address ${coalesce(instance.ip_address, "none")}
    %{~for step in instance.provisioning.steps}
    ${format("%9.1f s  %s", step.duration_ms / 1000, step.name)}
    %{~endfor}
    Log in:  ${var.login} root@${coalesce(instance.ip_address, "none")}
  EOT
  ])
}
