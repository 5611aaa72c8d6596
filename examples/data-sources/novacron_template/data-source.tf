# In the provider's tenant
data "novacron_template" "ubuntu" {
  name = "ubuntu-server-24.04"
}

# Anywhere in the pool
data "novacron_template" "shared" {
  id = "platform/debian-12"
}
