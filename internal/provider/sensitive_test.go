package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// shown are the attributes that Terraform may print, of resources and of data sources, with the
// reason why none repeats what a configuration may have from a sensitive variable. Terraform hides
// such a value where it was written; it does not know where a provider has copied it to.
var shown = map[string][]string{
	"The provider, the catalog or the host makes it up, measures it or counts it.": {
		"available_bytes", "capacity_bytes", "completed_at", "created_at", "digest", "duration_seconds", "enforcement",
		"error", "format", "image_bytes",
		"image_count", "image_digest", "instance_count", "instance_id", "kind", "provisioning.completed_at",
		"provisioning.created_at",
		"exit_code", "health", "restarts", "oci_digest",
		"provisioning.duration_seconds", "provisioning.error", "provisioning.request_id", "provisioning.started_at",
		"provisioning.status",
		"provisioning.steps.duration_ms", "provisioning.steps.name", "published_at", "request_id", "started_at",
		"status", "steps.duration_ms",
		"steps.name", "storage_location", "stored_image_bytes", "stored_image_count", "stored_size_bytes",
		"stray_volumes", "template_count",
		"transferred_bytes", "unused_image_bytes", "unused_image_count", "updated_at", "version_count",
		"virtual_size_bytes", "volume_count",
		"warm_snapshot.created_at", "warm_snapshot.disk_bytes", "warm_snapshot.error", "warm_snapshot.memory_bytes",
		"warm_snapshot.state",
		"available.disk_gb", "available.instances", "available.memory_mb", "available.vcpus",
		"used.disk_gb", "used.instances", "used.memory_mb", "used.vcpus",
	},
	"It describes an image, and every user of the image can read it.": {
		"exposed_ports", "image_config.command", "image_config.env", "image_config.entrypoint",
		"image_config.health_check.command",
		"image_config.health_check.interval_seconds", "image_config.health_check.retries",
		"image_config.health_check.start_period_seconds", "image_config.health_check.timeout_seconds",
		"image_config.labels", "image_config.stop_signal", "image_config.user", "image_config.volumes",
		"image_config.working_dir",
	},
	"It describes the host, not what users have created there.": {
		"architecture", "cpu_model", "cpus", "domain_types", "free_memory_mb", "host", "hostname", "hypervisor_version",
		"libvirt_version", "memory_allotted_mb.most", "memory_allotted_mb.used", "memory_mb",
		"hosts.memory_mb.allotted", "hosts.memory_mb.capacity", "hosts.refusal", "hosts.vcpus.allotted",
		"hosts.vcpus.capacity",
		"networks.active", "networks.bridge", "networks.forward_mode", "pools.active", "pools.available_bytes",
		"pools.capacity_bytes", "pools.path", "pools.type", "vcpus_allotted.most", "vcpus_allotted.used",
		"warm_snapshot.machine", "warm_snapshot.qemu_version",
	},
	"It is an id, a name, a version or an address: everybody on the host or in the network sees it, and Terraform " +
		"prints ids in any case.": {
		"created_by", "domain_name", "file_name", "id", "instance_name", "ip_address", "ip_addresses", "mac_addresses",
		"name", "owner", "parent_version", "placed_on",
		"pool", "pools", "provisioning.requested_by", "requested_by", "resolved_version", "superseded", "template_id",
		"tenant",
		"update_available", "uri", "user", "version",
	},
	"It is one of a few words, a flag or a number.": {
		"action", "autostart", "default_strategy", "deletion_protection", "is_public", "limits.disk_gb",
		"limits.instances", "limits.memory_mb", "limits.vcpus", "policy", "power_state", "state",
		"strategy", "type",
		"parameters.max_length", "parameters.max_value", "parameters.min_length", "parameters.min_value",
		"parameters.required", "parameters.sensitive",
		"parameters.target", "parameters.type",
		"storage_profile.disks.is_boot", "storage_profile.disks.is_system_disk", "storage_profile.disks.size_gb",
		"storage_profile.disks.storage_tier",
		"storage_profile.disks.type",
		"container.health_check.interval_seconds", "container.health_check.retries",
		"container.health_check.start_period_seconds", "container.health_check.timeout_seconds", "container.init",
		"container.privileged", "container.restart", "container.stop_signal", "container.stop_timeout_seconds",
		"container.tmpfs.size_mb",
		"hardware_profile.cpu_cores", "hardware_profile.cpu_count", "hardware_profile.cpu_type",
		"hardware_profile.firmware", "hardware_profile.gpu_count",
		"hardware_profile.gpu_type", "hardware_profile.memory_mb",
		"warm.hardware_profile.cpu_cores", "warm.hardware_profile.cpu_count", "warm.hardware_profile.cpu_type",
		"warm.hardware_profile.firmware", "warm.hardware_profile.gpu_count", "warm.hardware_profile.gpu_type",
		"warm.hardware_profile.memory_mb", "warm.settle_seconds",
		"network_profile.requires_public_ip", "network_profile.interfaces.type", "network_profile.interfaces.vlan",
		"network_profile.interfaces.ip_configuration.dhcp_enabled",
	},
	"It is written for those who read the catalog, or the list of instances, and a data source is how they do.": {
		"deprecation_message", "description", "display_name", "labels",
		"container.command", "container.entrypoint", "container.health_check.command", "container.user",
		"container.working_dir", "storage_profile.disks.mount_path",
		"parameters.allowed_values", "parameters.default", "parameters.description", "parameters.regex",
		"access_control.read_groups", "access_control.read_tenants", "access_control.read_users",
		"access_control.use_groups", "access_control.use_tenants",
		"access_control.use_users", "access_control.write_groups", "access_control.write_users",
		"network_profile.default_network_policies", "network_profile.interfaces.bridge",
		"network_profile.interfaces.mac_address",
		"network_profile.interfaces.network", "network_profile.interfaces.ip_configuration.dns_servers",
		"network_profile.interfaces.ip_configuration.gateway", "network_profile.interfaces.ip_configuration.static_ip",
		"network_profile.interfaces.ip_configuration.gateways",
		"network_profile.interfaces.ip_configuration.static_ips",
		"network_profile.interfaces.ip_configuration.gateway_on_link",
	},
	"It is made of the names of tenants and pools, and of users and groups of the host.": {"content"},
}

// A computed attribute that is added has to be thought about: it is sensitive, or it is among
// shown, with a reason.
func TestComputedAttributesRepeatNothingSensitive(t *testing.T) {
	resp, err := providerserver.NewProtocol6(New("test")())().GetProviderSchema(t.Context(),
		&tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var reasoned, used []string
	for _, attributes := range shown {
		reasoned = append(reasoned, attributes...)
	}
	var check func(where, prefix string, attributes []*tfprotov6.SchemaAttribute, data bool)
	check = func(where, prefix string, attributes []*tfprotov6.SchemaAttribute, data bool) {
		for _, a := range attributes {
			name := prefix + a.Name
			switch configured := a.Optional && !data; { // Terraform hides it by what the configuration has there
			case a.Sensitive || configured || a.NestedType == nil && !a.Computed:
			case a.NestedType != nil && a.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeList && data &&
				prefix == "" && !strings.Contains(strings.TrimPrefix(where, "data."), "."):
				// a list's elements have the names of the thing itself
				check(where+"."+a.Name, "", a.NestedType.Attributes, data)
			case a.NestedType != nil:
				check(where, name+".", a.NestedType.Attributes, data)
			case slices.Contains(reasoned, name):
				used = append(used, name)
			default:
				t.Errorf("%s: %s may repeat what a configuration has from a sensitive variable: make it sensitive, "+
					"or say here why it does not", where, name)
			}
		}
	}
	for name, s := range resp.ResourceSchemas {
		check(name, "", s.Block.Attributes, false)
	}
	for name, s := range resp.DataSourceSchemas {
		check("data."+name, "", s.Block.Attributes, true)
	}
	for _, name := range reasoned {
		if !slices.Contains(used, name) {
			t.Errorf("there is no attribute %s any more that would need a reason", name)
		}
	}
}
