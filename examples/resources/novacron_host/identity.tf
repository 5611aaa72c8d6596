import {
  to = novacron_host.kvm1
  identity = {
    name = "kvm1"
  }
}
