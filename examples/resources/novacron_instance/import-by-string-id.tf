import {
  to = novacron_instance.web
  id = "team-a/web-1" # or the UUID, or the name alone, in the provider's tenant
}
