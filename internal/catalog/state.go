package catalog

import "time"

// State is how far a template or a version is meant to be used.
type State string

const (
	// Draft is for its owner and writers only.
	Draft State = "draft"
	// Active is for everybody who may use it.
	Active State = "active"
	// Deprecated is still usable; whoever uses it is told while planning.
	Deprecated State = "deprecated"
	// Archived gives no new instances; those that exist stay.
	Archived State = "archived"
)

// States lists the states in the order of a life.
func States() []string {
	return []string{string(Draft), string(Active), string(Deprecated), string(Archived)}
}

// Lifecycle is what a template and a version have in common: a state, and since when others can see it.
type Lifecycle struct {
	State State `json:"state,omitempty"` // "" is active
	// Deprecation tells whoever still uses it why not to, and what instead.
	Deprecation string `json:"deprecation_message,omitempty"`
	// PublishedAt is when it became active for the first time. It is kept from then on.
	PublishedAt *time.Time `json:"published_at,omitempty"`
}
