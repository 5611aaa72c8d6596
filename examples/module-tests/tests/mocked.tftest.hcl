mock_provider "novacron" {}

# What the host would report and the module's outputs need
override_resource {
  target = novacron_instance.web
  values = {
    ip_address           = "192.0.2.10"
    effective_parameters = { http_port = 8080, workers = 4 }
  }
}

run "builds_the_url" {
  variables {
    name = "web-test"
  }

  assert {
    condition     = output.url == "http://192.0.2.10:8080/"
    error_message = "url is ${output.url}."
  }
  assert {
    condition     = output.workers == 4
    error_message = "The number of workers is not passed on."
  }
}

run "refuses_a_privileged_port" {
  command = plan

  variables {
    name      = "web-test"
    http_port = 80
  }

  expect_failures = [var.http_port]
}
