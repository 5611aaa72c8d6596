# By name
terraform import novacron_resource_pool.gold gold
