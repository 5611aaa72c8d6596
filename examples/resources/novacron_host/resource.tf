# Takes no new instances, and keeps those that it has.
resource "novacron_host" "kvm1" {
  name        = "kvm1"
  state       = "draining"
  description = "new disks until Friday"
}

# Its instances are moved away by the next apply of each configuration.
resource "novacron_host" "kvm2" {
  name  = "kvm2"
  state = "maintenance"
}
