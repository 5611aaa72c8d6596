terraform {
  required_providers {
    novacron = {
      source = "novacron/novacron"
    }
  }
}

provider "novacron" {
  uri    = "qemu+ssh://admin@kvm1.example.org/system"
  tenant = "team-a"
}
