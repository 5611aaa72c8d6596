import {
  to = novacron_template.ubuntu
  identity = {
    tenant = "team-a" # default: the provider's
    name   = "ubuntu-server-24.04"
  }
}
