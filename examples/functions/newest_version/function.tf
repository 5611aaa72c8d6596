output "newest_release" {
  value = provider::novacron::newest_version(["1.2.0", "1.10.0", "2.0.0-rc.1"], "~> 1.0")
}
