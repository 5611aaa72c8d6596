data "novacron_catalog" "this" {}

# Refuse to go on where nobody enforces tenants and access control
check "enforced" {
  assert {
    condition     = data.novacron_catalog.this.enforcement == "server"
    error_message = "The catalogue is kept in a ${data.novacron_catalog.this.kind}: its rules guard against mistakes only."
  }
}

output "library_gb" {
  value = floor(data.novacron_catalog.this.image_bytes / pow(1024, 3))
}
