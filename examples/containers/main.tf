terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

variable "image" {
  description = "OCI image with a web server that serves /srv/www: a layout (directory or tar), or what docker save has written"
  type        = string
}

provider "novacron" {}

# What the image says holds, unless the template says otherwise.
resource "novacron_template" "web" {
  name = "web"
  type = "container"

  container = {
    command = ["-p", "{{ .http_port }}"]
    health_check = {
      command          = ["CMD-SHELL", "wget -q -O /dev/null http://127.0.0.1:{{ .http_port }}/"]
      interval_seconds = 1
    }
  }
  hardware_profile = { memory_mb = 64 }
  storage_profile  = { disks = { system = { size_gb = 1 } } }
  parameters = {
    http_port = { type = "integer", default = 8080 }
  }
}

# The image becomes one read-only file system in the pool, which all instances share.
resource "novacron_template_version" "web" {
  template_id = novacron_template.web.id
  version     = "1.0.0"
  source      = { path = var.image }

  lifecycle {
    create_before_destroy = true
  }
}

resource "novacron_instance" "web" {
  count       = 3
  name        = "web-${count.index}"
  template_id = novacron_template.web.id
  version     = novacron_template_version.web.version
  wait_for    = ["healthy", "ip"]

  customization = {
    files = {
      "/srv/www/index.html" = { content = "This is web-${count.index}.\n" }
    }
  }
}

# The same image with another program: it passes each connection on to one of the others.
resource "novacron_instance" "front" {
  name        = "front"
  template_id = novacron_template.web.id
  version     = novacron_template_version.web.version
  wait_for    = ["healthy", "ip"]

  container = {
    entrypoint = ["/bin/nc", "-ll", "-p", "8080", "-e", "/bin/sh", "-c", "exec nc $(shuf -n 1 -e $BACKENDS) 8080"]
    command    = []
    env        = { BACKENDS = join(" ", novacron_instance.web[*].ip_address) }
  }
}

output "address" {
  value = "http://${novacron_instance.front.ip_address}:8080/"
}

output "image" {
  value = {
    digest = novacron_template_version.web.oci_digest
    ports  = novacron_template_version.web.exposed_ports
  }
}
