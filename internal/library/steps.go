package library

import (
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// recorded is what the catalog keeps of the steps of a registration.
func recorded(steps *step.Timer) *catalog.RegistrationRecord {
	r := &catalog.RegistrationRecord{StartedAt: steps.Started.UTC().Truncate(time.Second), CompletedAt: now()}
	for _, s := range steps.Steps() {
		r.Steps = append(r.Steps, catalog.RequestStep{Name: s.Name, DurationMS: s.Duration.Milliseconds()})
	}
	return r
}
