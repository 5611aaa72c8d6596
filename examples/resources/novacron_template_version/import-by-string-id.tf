import {
  to = novacron_template_version.v1_0
  id = "team-a/ubuntu-server-24.04@1.0.0" # or without the tenant, in the provider's
}
