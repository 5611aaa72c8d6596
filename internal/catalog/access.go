package catalog

// Principal is who asks: a user of a tenant, with the groups that the tenant's user belongs to.
type Principal struct {
	Tenant string
	User   string
	Groups []string
}

// Right is what somebody may do with a template and its versions. Each includes those before it.
type Right int

const (
	// Nothing is no right: the template does not exist, for all that they are told.
	Nothing Right = iota
	// Read shows the template, its versions, and their data.
	Read
	// Use makes instances of it.
	Use
	// Write changes and removes it, and registers its versions.
	Write
)

// AccessControl grants rights on a template and its versions. Users and groups are those of the template's own tenant.
type AccessControl struct {
	ReadUsers   []string `json:"read_users,omitempty"`
	ReadGroups  []string `json:"read_groups,omitempty"`
	ReadTenants []string `json:"read_tenants,omitempty"`
	UseUsers    []string `json:"use_users,omitempty"`
	UseGroups   []string `json:"use_groups,omitempty"`
	UseTenants  []string `json:"use_tenants,omitempty"`
	WriteUsers  []string `json:"write_users,omitempty"`
	WriteGroups []string `json:"write_groups,omitempty"`
}
