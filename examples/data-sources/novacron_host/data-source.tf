data "novacron_host" "this" {}
