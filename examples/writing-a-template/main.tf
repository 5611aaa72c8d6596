terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

variable "image" {
  description = "Cloud image to register: qcow2 or raw, with cloud-init and the QEMU guest agent."
  type        = string
  default     = "debian-12-genericcloud-amd64.qcow2"
}

# The template's author declares what may be set, and what it means.
resource "novacron_template" "app" {
  name             = "app-server"
  display_name     = "Application server"
  hardware_profile = { cpu_cores = 2, memory_mb = 2048 }

  parameters = {
    hostname  = { type = "string", required = true, regex = "^[a-z][a-z0-9-]{0,62}$" }
    ssh_key   = { type = "text", description = "SSH public key for root access" }
    http_port = { type = "integer", default = 8080, min_value = 1, max_value = 65535 }
    tier      = { type = "string", default = "web", allowed_values = ["web", "db"] }
    origins   = { type = "list", default = jsonencode([]), max_length = 20 }
    settings  = { type = "map", default = jsonencode({}) }
    memory_mb = { type = "integer", target = "hardware.memory_mb", min_value = 128 }
    db_pass   = { type = "string", sensitive = true, min_length = 8 }
  }

  cloud_init = {
    user_data = <<-EOT
      #cloud-config
      write_files:
        - path: /etc/app/app.json
          content: {{ json .settings | quote }}
        - path: /etc/app/env
          permissions: "0600"
          content: |2-
            PORT={{ .http_port }}
            TIER={{ .tier }}
            DB_PASS={{ indent 6 (shell .db_pass) }}
      {{- if .origins }}
        - path: /etc/app/origins
          content: {{ join "\n" .origins | quote }}
      {{- end }}
        - path: /etc/systemd/system/app.service
          content: |
            [Service]
            EnvironmentFile=/etc/app/env
            ExecStart=python3 -m http.server $PORT --directory /usr/share/common-licenses
            [Install]
            WantedBy=multi-user.target
      runcmd:
        - [systemctl, enable, --now, app]
    EOT
  }
}

resource "novacron_template_version" "app" {
  template_id = novacron_template.app.id
  version     = "1.0.0"
  source      = { path = var.image }
}

# A user of the template sets its parameters.
resource "novacron_instance" "app" {
  name        = "app-1"
  template_id = novacron_template.app.id
  version     = novacron_template_version.app.version
  parameters = {
    hostname  = "app-1"
    ssh_key   = file("~/.ssh/id_ed25519.pub") # ssh root@ADDRESS
    http_port = 80
    origins   = ["https://example.org", "https://example.com"]
    settings  = { theme = "dark", workers = 4 }
  }
}

output "address" {
  value = novacron_instance.app.ip_address
}
