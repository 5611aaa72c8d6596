variable "image" {
  description = "Path of a disk image (qcow2 or raw) with cloud-init and the QEMU guest agent"
  type        = string
}

variable "ssh_public_key" {
  description = "SSH public key that may log in as root, such as the content of ~/.ssh/id_ed25519.pub"
  type        = string
}
