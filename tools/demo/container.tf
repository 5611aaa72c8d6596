# demo.sh copies this file next to the example, if the host has libvirt's driver of containers.

variable "container_image" {
  description = "OCI image with a web server on port 8080 that serves /srv/www"
  type        = string
}

resource "novacron_template" "hello" {
  name             = "hello"
  display_name     = "Web server"
  type             = "container"
  hardware_profile = { memory_mb = 64 }
  storage_profile  = { disks = { system = { size_gb = 1 } } }
}

resource "novacron_template_version" "hello" {
  template_id = novacron_template.hello.id
  version     = "1.0.0"
  source      = { path = var.container_image }
}

resource "novacron_instance" "hello" {
  name          = "hello-1"
  template_id   = novacron_template.hello.id
  version       = novacron_template_version.hello.version
  wait_for      = ["healthy", "ip"]
  customization = { files = { "/srv/www/index.html" = { content = "Hello from a container.\n" } } }
}

output "container" {
  value = "${novacron_instance.hello.name} (container) is ${novacron_instance.hello.health}: http://${novacron_instance.hello.ip_address}:8080/"
}
