import {
  to = novacron_resource_pool.gold
  id = "gold"
}
