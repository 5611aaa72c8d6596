data "novacron_catalog" "this" {}

# Warns if no server enforces tenants and access control
check "enforced" {
  assert {
    condition     = data.novacron_catalog.this.enforcement == "server"
    error_message = "The catalog is kept in a ${data.novacron_catalog.this.kind}: its rules guard against mistakes only."
  }
}

# Warns about volumes that interrupted runs have left
check "tidy" {
  assert {
    condition     = length(data.novacron_catalog.this.stray_volumes) == 0
    error_message = "Nothing leads to these volumes: ${join(", ", data.novacron_catalog.this.stray_volumes)}."
  }
}

output "library_gb" {
  value = floor(data.novacron_catalog.this.stored_image_bytes / pow(1024, 3))
}
