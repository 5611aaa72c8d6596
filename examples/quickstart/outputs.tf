output "instances" {
  description = "The instances by name: how each was made, its address, and the seconds that each step took"
  value = {
    for instance in [novacron_instance.web, novacron_instance.db] : instance.name => {
      strategy = instance.strategy
      address  = instance.ip_address
      steps    = { for step in instance.provisioning.steps : step.name => step.duration_ms / 1000 }
    }
  }
}
