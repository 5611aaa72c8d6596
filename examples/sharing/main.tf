terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}

# The platform team, which offers templates
provider "novacron" {
  alias  = "platform"
  tenant = "platform"
  user   = "ann"
  groups = ["images"]
}

# An application team, which uses them
provider "novacron" {
  alias  = "shop"
  tenant = "shop"
}

variable "image" {
  description = "Disk image, raw or qcow2"
  type        = string
}

resource "novacron_template" "debian" {
  provider     = novacron.platform
  name         = "debian-12"
  display_name = "Debian 12"
  labels       = { os = "linux", distro = "debian" }

  access_control = {
    write_groups = ["images"]     # other users of "platform" may read and use it
    use_tenants  = ["shop"]       # its users may create instances
    read_tenants = ["compliance"] # its users may look
  }
}

# Still offered, but deprecated
resource "novacron_template_version" "v1" {
  provider            = novacron.platform
  template_id         = novacron_template.debian.id
  version             = "1.0.0"
  source              = { path = var.image }
  state               = "deprecated"
  deprecation_message = "Has the old kernel: use 1.1."
}

resource "novacron_template_version" "v1_1" {
  provider    = novacron.platform
  template_id = novacron_template.debian.id
  version     = "1.1.0"
  source      = { path = var.image }
}

# Visible only to users who may write the template, until you remove the state
resource "novacron_template_version" "v2" {
  provider    = novacron.platform
  template_id = novacron_template.debian.id
  version     = "2.0.0"
  source      = { path = var.image }
  state       = "draft"
}

# The team names the template by its id, and gets 1.1.0
resource "novacron_instance" "web" {
  provider    = novacron.shop
  name        = "web-1"
  template_id = novacron_template.debian.id
  version     = "~> 1.0"
  wait_for    = []
  depends_on  = [novacron_template_version.v1_1]
}
