output "is_long_term" {
  value = provider::novacron::version_matches("1.4.2", "~> 1.4.0")
}
