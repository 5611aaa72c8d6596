import {
  to = novacron_template_version.v1_0
  identity = {
    tenant   = "team-a" # default: the provider's
    template = "ubuntu-server-24.04"
    version  = "1.0.0"
  }
}
