package tfconfig

// Hardware is the attribute hardware_profile.
type Hardware struct {
	CPUCount Value `tf:"cpu_count"`
	CPUCores Value `tf:"cpu_cores"`
	MemoryMB Value `tf:"memory_mb"`
	CPUType  Value `tf:"cpu_type"`
	Firmware Value `tf:"firmware"`
	GPUCount Value `tf:"gpu_count"`
	GPUType  Value `tf:"gpu_type"`
}

// Network is the attribute network_profile.
type Network struct {
	Interfaces             map[string]Interface `tf:"interfaces"`
	DefaultNetworkPolicies []string             `tf:"default_network_policies"`
	RequiresPublicIP       Value                `tf:"requires_public_ip"`
}

// Interface is one interface of a Network.
type Interface struct {
	Type            Value      `tf:"type"`
	Network         Value      `tf:"network"`
	Bridge          Value      `tf:"bridge"`
	VLAN            Value      `tf:"vlan"`
	MACAddress      Value      `tf:"mac_address"`
	IPConfiguration *Addresses `tf:"ip_configuration"`
}

// Addresses says how an Interface gets its address.
type Addresses struct {
	DHCPEnabled   Value   `tf:"dhcp_enabled"`
	StaticIP      Value   `tf:"static_ip"`
	StaticIPs     []Value `tf:"static_ips"`
	Gateway       Value   `tf:"gateway"`
	Gateways      []Value `tf:"gateways"`
	GatewayOnLink Value   `tf:"gateway_on_link"`
	DNSServers    []Value `tf:"dns_servers"`
}

// Storage is the attribute storage_profile.
type Storage struct {
	Disks map[string]Disk `tf:"disks"`
}

// Disk is one disk of a Storage.
type Disk struct {
	SizeGB       Value `tf:"size_gb"`
	Type         Value `tf:"type"`
	StorageTier  Value `tf:"storage_tier"`
	IsBoot       Value `tf:"is_boot"`
	IsSystemDisk Value `tf:"is_system_disk"`
	MountPath    Value `tf:"mount_path"`
}

// Parameter declares a parameter.
type Parameter struct {
	Type          string  `tf:"type"`
	Description   Value   `tf:"description"`
	Required      Value   `tf:"required"`
	Sensitive     Value   `tf:"sensitive"`
	Default       Value   `tf:"default"`
	AllowedValues []Value `tf:"allowed_values"`
	Regex         Value   `tf:"regex"`
	MinValue      Value   `tf:"min_value"`
	MaxValue      Value   `tf:"max_value"`
	MinLength     Value   `tf:"min_length"`
	MaxLength     Value   `tf:"max_length"`
	Target        Value   `tf:"target"`
}

// CloudInit is the attribute cloud_init.
type CloudInit struct {
	UserData Value `tf:"user_data"`
}

// Container is the attribute container.
type Container struct {
	Init               Value            `tf:"init"`
	Entrypoint         []Value          `tf:"entrypoint"`
	Command            []Value          `tf:"command"`
	Env                map[string]Value `tf:"env"`
	WorkingDir         Value            `tf:"working_dir"`
	User               Value            `tf:"user"`
	Restart            Value            `tf:"restart"`
	StopSignal         Value            `tf:"stop_signal"`
	StopTimeoutSeconds Value            `tf:"stop_timeout_seconds"`
	Privileged         Value            `tf:"privileged"`
	HealthCheck        *HealthCheck     `tf:"health_check"`
	Tmpfs              map[string]Tmpfs `tf:"tmpfs"`
}

// HealthCheck is the health check of a Container.
type HealthCheck struct {
	Command            []Value `tf:"command"`
	IntervalSeconds    Value   `tf:"interval_seconds"`
	TimeoutSeconds     Value   `tf:"timeout_seconds"`
	Retries            Value   `tf:"retries"`
	StartPeriodSeconds Value   `tf:"start_period_seconds"`
}

// Tmpfs is a directory in memory of a Container.
type Tmpfs struct {
	SizeMB Value `tf:"size_mb"`
}

// Warm is the attribute warm of a version.
type Warm struct {
	HardwareProfile *Hardware `tf:"hardware_profile"`
	SettleSeconds   Value     `tf:"settle_seconds"`
	SealCommands    []Value   `tf:"seal_commands"`
	ResumeCommands  []Value   `tf:"resume_commands"`
}

// Source says where a version's image comes from.
type Source struct {
	Path                Value            `tf:"path"`
	URL                 Value            `tf:"url"`
	Volume              Value            `tf:"volume"`
	InstanceID          Value            `tf:"instance_id"`
	Checksum            Value            `tf:"checksum"`
	Headers             map[string]Value `tf:"headers"`
	StallTimeoutSeconds Value            `tf:"stall_timeout_seconds"`
}

// Customization is the attribute customization of an instance.
type Customization struct {
	InstallPackages   []Value         `tf:"install_packages"`
	OpenPorts         []Value         `tf:"open_ports"`
	SSHAuthorizedKeys []Value         `tf:"ssh_authorized_keys"`
	Users             map[string]User `tf:"users"`
	Files             map[string]File `tf:"files"`
	RunCommands       []Value         `tf:"run_commands"`
	Timezone          Value           `tf:"timezone"`
	Locale            Value           `tf:"locale"`
	UserData          Value           `tf:"user_data"`
}

// User is a user in a guest.
type User struct {
	Groups            []Value `tf:"groups"`
	SSHAuthorizedKeys []Value `tf:"ssh_authorized_keys"`
	Sudo              Value   `tf:"sudo"`
	Shell             Value   `tf:"shell"`
}

// File is a file in a guest.
type File struct {
	Content     Value `tf:"content"`
	Permissions Value `tf:"permissions"`
	Owner       Value `tf:"owner"`
}
