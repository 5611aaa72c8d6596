output "instances" {
  description = "The instances by name: how each was made, its address, and the seconds that it took"
  value = {
    for instance in [novacron_instance.web, novacron_instance.db] : instance.name => {
      strategy = instance.strategy
      address  = instance.ip_address
      seconds  = instance.provisioning.duration_seconds
    }
  }
}
