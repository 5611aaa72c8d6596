import {
  to = novacron_instance.web
  identity = {
    id = "5b7f3a52-6f5d-4c0e-9a3b-0c1d2e3f4a5b"
  }
}
