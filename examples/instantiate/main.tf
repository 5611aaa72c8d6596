terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

variable "image" {
  description = "Disk image with the guest agent, raw or qcow2"
  type        = string
}

resource "novacron_template" "worker" {
  name             = "worker"
  default_strategy = "instantiate"
  hardware_profile = { memory_mb = 512 }
  parameters = {
    hostname = { type = "string", required = true }
  }
}

# The apply boots a guest of this version once, and saves it.
resource "novacron_template_version" "worker" {
  template_id = novacron_template.worker.id
  version     = "1.0.0"
  source      = { path = var.image }

  warm = {
    # What must not be the same in all instances stops before the guest is saved, and starts in each.
    seal_commands   = ["if [ -e /etc/systemd/system/queue.service ]; then systemctl stop queue; fi"]
    resume_commands = ["if [ -e /etc/systemd/system/queue.service ]; then systemctl start queue; fi"]
  }
  lifecycle {
    create_before_destroy = true
  }
}

# Resumed, not booted. They have names, keys and addresses of their own.
resource "novacron_instance" "worker" {
  count       = 2
  name        = "worker-${count.index}"
  template_id = novacron_template.worker.id
  version     = novacron_template_version.worker.version
  on_no_warm  = "boot" # slower, with a warning; "fail" makes it an error
  parameters  = { hostname = "worker-${count.index}" }
}

output "workers" {
  value = {
    snapshot  = novacron_template_version.worker.warm_snapshot.state
    addresses = novacron_instance.worker[*].ip_address
  }
}
