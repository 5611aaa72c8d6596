resource "novacron_resource_pool" "gold" {
  name        = "gold"
  description = "Fast hosts of zone a"
  match       = { zone = "a" }
  policy      = "pack"

  tenants = {
    team-a = { vcpus = 200, memory_mb = 800000, disk_gb = 20000, instances = 100 }
    team-b = { vcpus = 40, memory_mb = 160000 } # disks and instances without a limit
  }
}

resource "novacron_resource_pool" "spare" {
  name    = "spare"
  hosts   = ["kvm3", "kvm4"]
  tenants = { team-b = { instances = 10 } }
}
