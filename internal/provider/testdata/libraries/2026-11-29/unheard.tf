# What was being made when the earlier provider was killed: no state has it.

resource "novacron_template_version" "unheard" {
  template_id = novacron_template.plain.id
  version     = "4.0.0"
  source      = { path = "fourth.raw" }
}

resource "novacron_instance" "unheard" {
  for_each    = toset(["half", "whole"])
  name        = "${var.at}-${each.key}"
  template_id = novacron_template.plain.id
  version     = novacron_template_version.first.version
  power_state = "stopped"
}
