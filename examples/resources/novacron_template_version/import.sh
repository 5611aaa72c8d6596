# By id, which is TENANT/NAME@VERSION
terraform import novacron_template_version.v1_0 team-a/ubuntu-server-24.04@1.0.0

# By the template's name, in the provider's tenant
terraform import novacron_template_version.v1_0 ubuntu-server-24.04@1.0.0
