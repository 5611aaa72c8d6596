package main

import "fmt"

var provider = providerOf("")

// providerOf configures the provider for a pool; "" for the default.
func providerOf(pool string) string {
	if pool != "" {
		pool = fmt.Sprintf("pool = %q", pool)
	}
	return `
terraform {
  required_providers {
    novacron = { source = "novacron/novacron" }
  }
}
provider "novacron" { ` + pool + ` }
`
}

func template(name string) string {
	return fmt.Sprintf(`
resource "novacron_template" "t" {
  name             = %q
  hardware_profile = { memory_mb = 128 }
}
`, name)
}

// containerTemplate is a template of containers.
func containerTemplate(name string) string {
	return fmt.Sprintf(`
resource "novacron_template" "t" {
  name = %q
  type = "container"
}
`, name)
}

func version(image string) string {
	return fmt.Sprintf(`
resource "novacron_template_version" "v" {
  template_id = novacron_template.t.id
  version     = "1.0.0"
  source      = { path = %q }
}
`, image)
}

// instances are n instances of that version, with names that begin with one.
func instances(name string, n int, power string) string {
	return fmt.Sprintf(`
resource "novacron_instance" %[1]q {
  count       = %[2]d
  name        = "%[1]s-${count.index}"
  template_id = novacron_template.t.id
  version     = novacron_template_version.v.version
  power_state = %[3]q
  wait_for    = []
}
`, name, n, power)
}

// emptyThings are n resources of the provider that does nothing.
func emptyThings(n int) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    empty = { source = "novacron/empty" }
  }
}
resource "empty_thing" "t" {
  count = %d
  name  = "thing-${count.index}"
}
`, n)
}

// others are n instances of the nearest other provider for libvirt, like those of plain.
func others(uri, image string, n int, running bool) string {
	return fmt.Sprintf(`
terraform {
  required_providers {
    libvirt = { source = "dmacvicar/libvirt" }
  }
}
provider "libvirt" { uri = %[1]q }
resource "libvirt_volume" "base" {
  name   = "other-base"
  pool   = "novacron"
  source = %[2]q
}
resource "libvirt_volume" "disk" {
  count          = %[3]d
  name           = "other-${count.index}.qcow2"
  pool           = "novacron"
  base_volume_id = libvirt_volume.base.id
}
resource "libvirt_cloudinit_disk" "seed" {
  count     = %[3]d
  name      = "other-${count.index}.iso"
  pool      = "novacron"
  user_data = "#cloud-config\nhostname: other-${count.index}\n"
  meta_data = "instance-id: other-${count.index}\n"
}
resource "libvirt_domain" "it" {
  count     = %[3]d
  name      = "other-${count.index}"
  type      = "qemu"
  memory    = 128
  running   = %[4]t
  cloudinit = libvirt_cloudinit_disk.seed[count.index].id
  disk { volume_id = libvirt_volume.disk[count.index].id }
  network_interface { network_name = "default" }
}
`, uri, image, n, running)
}
