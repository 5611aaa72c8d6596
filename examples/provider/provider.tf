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

  # What templates ask for by name, and where this host has it
  storage_tiers   = { fast = "nvme", bulk = "spinning" }
  public_networks = ["br-public"]
}
