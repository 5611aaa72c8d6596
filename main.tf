terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}
resource "novacron_template" "it" { name = "meas1" }
