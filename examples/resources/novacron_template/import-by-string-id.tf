import {
  to = novacron_template.ubuntu
  id = "team-a/ubuntu-server-24.04" # or the name alone, in the provider's tenant
}
