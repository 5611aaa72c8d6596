import {
  to = novacron_host.kvm1
  id = "kvm1"
}
