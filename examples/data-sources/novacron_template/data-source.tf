# In the provider's tenant
data "novacron_template" "ubuntu" {
  name = "ubuntu-server-24.04"
}

# Another tenant's, which is public or shared with this one
data "novacron_template" "shared" {
  id = "platform/debian-12"
}
