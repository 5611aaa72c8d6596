# A compressed image from a server that requires authorization; its checksum is of the compressed file
variable "mirror_token" {
  type      = string
  ephemeral = true
}

resource "novacron_template_version" "from_mirror" {
  template_id = novacron_template.ubuntu.id
  version     = "1.2.0"
  source = {
    url      = "https://mirror.example.org/noble-20261001.raw.xz"
    checksum = "sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043"
    headers  = { Authorization = "Bearer ${var.mirror_token}" }
  }
}

# A volume that the host has already; the stored image is read back to verify it
resource "novacron_template_version" "from_volume" {
  template_id = novacron_template.ubuntu.id
  version     = "1.3.0"
  source      = { volume = "default/noble-hardened.qcow2" }
  verify      = "full"
}
