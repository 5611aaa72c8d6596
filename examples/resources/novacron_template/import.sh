# By id, which is TENANT/NAME
terraform import novacron_template.ubuntu team-a/ubuntu-server-24.04

# By name, in the provider's tenant
terraform import novacron_template.ubuntu ubuntu-server-24.04
