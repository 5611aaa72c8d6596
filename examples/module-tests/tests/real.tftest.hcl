provider "novacron" {} # connects to NOVACRON_URI

# The private host's catalog is empty: register what the module uses.
run "platform" {
  module {
    source = "./tests/platform"
  }
}

run "creates_the_server" {
  variables {
    name        = "web-test"
    template_id = run.platform.template_id
    power_state = "stopped" # "running" boots the guest, too, and waits for its address
  }

  assert {
    condition     = novacron_instance.web.resolved_version == "1.2.0"
    error_message = "The server was made from ${novacron_instance.web.resolved_version}, not from the newest 1.x."
  }
  assert {
    condition     = output.workers == 4
    error_message = "The template's default is 4 workers."
  }
}
