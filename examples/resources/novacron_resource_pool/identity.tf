import {
  to = novacron_resource_pool.gold
  identity = {
    name = "gold"
  }
}
