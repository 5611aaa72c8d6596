# By name
terraform import novacron_host.kvm1 kvm1
