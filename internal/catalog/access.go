package catalog

// Principal is the user on whose behalf the catalog is used: a user of a tenant, with the groups
// that the user belongs to.
type Principal struct {
	Tenant string
	User   string
	Groups []string
}

// Right is what a user may do with a template and its versions. Each right includes those before
// it.
type Right int

const (
	// Nothing is the absence of any right: to the user, the template does not exist.
	Nothing Right = iota
	// Read shows the template, its versions, and their data.
	Read
	// Use allows creating instances of it.
	Use
	// Write allows changing and removing it, and registering its versions.
	Write
)

// AccessControl grants rights on a template and its versions. Users and groups are those of the
// template's own tenant.
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
