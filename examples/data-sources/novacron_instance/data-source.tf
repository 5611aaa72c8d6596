data "novacron_instance" "web" {
  name = "web-1"
}

output "web_address" {
  value = data.novacron_instance.web.ip_address
}
