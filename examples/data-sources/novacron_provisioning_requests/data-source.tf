# Requests that failed lately, and why
data "novacron_provisioning_requests" "failed" {
  status = "failed"
  limit  = 10
}

output "failures" {
  value = [for r in data.novacron_provisioning_requests.failed.requests : "${r.created_at} ${r.requested_by}, ${r.instance_name}: ${r.error}"]
}

# How long it takes to create instances of a template
data "novacron_provisioning_requests" "made" {
  template_id = "team-a/ubuntu-server-24.04"
  status      = "completed"
}

output "seconds" {
  value = { for r in data.novacron_provisioning_requests.made.requests : r.instance_name => r.duration_seconds... }
}
