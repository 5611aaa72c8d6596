package catalog

import "time"

// Registering tells how a version was registered.
type Registering struct {
	StartedAt   time.Time     `json:"started_at"`
	CompletedAt time.Time     `json:"completed_at"`
	Steps       []RequestStep `json:"steps"`
}
