# An image file of the machine that runs Terraform
resource "novacron_template_version" "v1_0" {
  template_id = novacron_template.ubuntu.id
  version     = "1.0.0"
  description = "As released"
  source      = { path = "noble.qcow2" }
}

# A download. With its checksum, an image that the pool has already is not even downloaded
resource "novacron_template_version" "v1_1" {
  template_id = novacron_template.ubuntu.id
  version     = "1.1.0"
  description = "Security patches, and more memory"
  source = {
    url      = "https://images.example.org/noble-20260901.qcow2"
    checksum = "sha256:0263829989b6fd954f72baaf2fc64bc2e2f01d692d4de72986ea808f6e99813f"
  }
  hardware_profile = {
    cpu_cores = 2
    memory_mb = 4096
  }

  timeouts {
    create = "30m"
  }
}

# An image of a container, as `docker save` or `skopeo copy docker://… oci-archive:shop.tar` writes it
resource "novacron_template_version" "shop" {
  template_id = novacron_template.shop.id
  version     = "1.0.0"
  source      = { path = "shop.tar" }
}

output "shop_ports" {
  value = novacron_template_version.shop.exposed_ports # such as ["8080/tcp"]
}
