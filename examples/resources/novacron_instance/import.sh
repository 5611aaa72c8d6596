# By the domain's UUID
terraform import novacron_instance.web 5b7f3a52-6f5d-4c0e-9a3b-0c1d2e3f4a5b

# By TENANT/NAME
terraform import novacron_instance.web team-a/web-1

# By name, in the provider's tenant
terraform import novacron_instance.web web-1
