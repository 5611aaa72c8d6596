package tfconfig

const (
	templateType = "novacron_template"
	versionType  = "novacron_template_version"
	instanceType = "novacron_instance"
	poolType     = "novacron_resource_pool"
	hostType     = "novacron_host"
)

// Template is the resource novacron_template.
type Template struct {
	Meta
	Name               Value               `tf:"name"`
	DisplayName        Value               `tf:"display_name"`
	Type               Value               `tf:"type"`
	Description        Value               `tf:"description"`
	State              Value               `tf:"state"`
	DeprecationMessage Value               `tf:"deprecation_message"`
	IsPublic           Value               `tf:"is_public"`
	DeletionProtection Value               `tf:"deletion_protection"`
	DefaultStrategy    Value               `tf:"default_strategy"`
	Labels             map[string]Value    `tf:"labels"`
	AccessControl      map[string][]string `tf:"access_control"`
	HardwareProfile    *Hardware           `tf:"hardware_profile"`
	NetworkProfile     *Network            `tf:"network_profile"`
	StorageProfile     *Storage            `tf:"storage_profile"`
	Parameters         Value               `tf:"parameters"`
	CloudInit          *CloudInit          `tf:"cloud_init"`
	Container          *Container          `tf:"container"`
}

func (t Template) head() (string, []string) { return "resource", t.labels(templateType) }
func (t Template) String() string           { return Render(t) }

// Ref returns a reference to an attribute of the template.
func (t Template) Ref(attribute string) Expr { return t.refer(templateType, attribute) }

// Version is the resource novacron_template_version.
type Version struct {
	Meta
	TemplateID         Value      `tf:"template_id"`
	Version            Value      `tf:"version"`
	Description        Value      `tf:"description"`
	State              Value      `tf:"state"`
	DeprecationMessage Value      `tf:"deprecation_message"`
	DeletionProtection Value      `tf:"deletion_protection"`
	Verify             Value      `tf:"verify"`
	ParentVersion      Value      `tf:"parent_version"`
	Source             *Source    `tf:"source"`
	HardwareProfile    *Hardware  `tf:"hardware_profile"`
	NetworkProfile     *Network   `tf:"network_profile"`
	StorageProfile     *Storage   `tf:"storage_profile"`
	Parameters         Value      `tf:"parameters"`
	CloudInit          *CloudInit `tf:"cloud_init"`
	Container          *Container `tf:"container"`
	Warm               *Warm      `tf:"warm"`
	Timeouts           *Timeouts
}

func (v Version) head() (string, []string) { return "resource", v.labels(versionType) }
func (v Version) String() string           { return Render(v) }

// Ref returns a reference to an attribute of the version.
func (v Version) Ref(attribute string) Expr { return v.refer(versionType, attribute) }

// Release returns a version with that number. Its image is a file of this machine.
func Release(number, image string) Version {
	return Version{Version: number, Source: &Source{Path: image}}
}

// Of returns a copy that is a version of the template, which the same configuration has.
func (v Version) Of(t Template) Version {
	v.TemplateID = t.Ref("id")
	return v
}

// Instance is the resource novacron_instance.
type Instance struct {
	Meta
	Name                Value            `tf:"name"`
	Description         Value            `tf:"description"`
	TemplateID          Value            `tf:"template_id"`
	Version             Value            `tf:"version"`
	Strategy            Value            `tf:"strategy"`
	OnNoWarm            Value            `tf:"on_no_warm"`
	Parameters          Value            `tf:"parameters"`
	ParametersWO        Value            `tf:"parameters_wo"`
	ParametersWOVersion Value            `tf:"parameters_wo_version"`
	Customization       *Customization   `tf:"customization"`
	HardwareProfile     *Hardware        `tf:"hardware_profile"`
	NetworkProfile      *Network         `tf:"network_profile"`
	StorageProfile      *Storage         `tf:"storage_profile"`
	Container           *Container       `tf:"container"`
	Labels              map[string]Value `tf:"labels"`
	PowerState          Value            `tf:"power_state"`
	Autostart           Value            `tf:"autostart"`
	WaitFor             Value            `tf:"wait_for"`
	OnVersionChange     Value            `tf:"on_version_change"`
	AllowRestart        Value            `tf:"allow_restart"`
	DeletionProtection  Value            `tf:"deletion_protection"`
	ResourcePool        Value            `tf:"resource_pool"`
	Timeouts            *Timeouts
}

func (i Instance) head() (string, []string) { return "resource", i.labels(instanceType) }
func (i Instance) String() string           { return Render(i) }

// Ref returns a reference to an attribute of the instance.
func (i Instance) Ref(attribute string) Expr { return i.refer(instanceType, attribute) }

// Of returns a copy that is an instance of the version, which the same configuration has.
func (i Instance) Of(t Template, v Version) Instance {
	i.TemplateID, i.Version = t.Ref("id"), v.Ref("version")
	return i
}

// ResourcePool is the resource novacron_resource_pool.
type ResourcePool struct {
	Meta
	Name        Value            `tf:"name"`
	Description Value            `tf:"description"`
	Hosts       []string         `tf:"hosts"`
	Match       map[string]Value `tf:"match"`
	Policy      Value            `tf:"policy"`
	Tenants     map[string]Quota `tf:"tenants"`
}

func (r ResourcePool) head() (string, []string) { return "resource", r.labels(poolType) }
func (r ResourcePool) String() string           { return Render(r) }

// Ref returns a reference to an attribute of the resource pool.
func (r ResourcePool) Ref(attribute string) Expr { return r.refer(poolType, attribute) }

// Quota is what a tenant may take of a resource pool.
type Quota struct {
	VCPUs     Value `tf:"vcpus"`
	MemoryMB  Value `tf:"memory_mb"`
	DiskGB    Value `tf:"disk_gb"`
	Instances Value `tf:"instances"`
}

// Host is the resource novacron_host.
type Host struct {
	Meta
	Name        Value `tf:"name"`
	State       Value `tf:"state"`
	Description Value `tf:"description"`
}

func (h Host) head() (string, []string) { return "resource", h.labels(hostType) }
func (h Host) String() string           { return Render(h) }

// Ref returns a reference to an attribute of the host.
func (h Host) Ref(attribute string) Expr { return h.refer(hostType, attribute) }

// Provider is a provider block.
type Provider struct {
	Alias      string `tf:"alias"`
	URI        Value  `tf:"uri"`
	Pool       Value  `tf:"pool"`
	Tenant     Value  `tf:"tenant"`
	User       Value  `tf:"user"`
	DomainType Value  `tf:"domain_type"`
	// Settings are further attributes, as the text that the block has for each.
	Settings []string
}

func (Provider) head() (string, []string) { return "provider", []string{"novacron"} }
func (p Provider) String() string         { return Render(p) }
