package library

import (
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// steps times what a registration does.
type steps struct {
	started, last time.Time
	list          []catalog.RequestStep
}

func newSteps() *steps {
	at := time.Now()
	return &steps{started: at, last: at}
}

// done says that what was done since the last step is called so. A step that is done once more, in another attempt, adds up.
func (s *steps) done(name string) {
	took := time.Since(s.last)
	s.last = s.last.Add(took)
	for i := range s.list {
		if s.list[i].Name == name {
			s.list[i].DurationMS += took.Milliseconds()
			return
		}
	}
	s.list = append(s.list, catalog.RequestStep{Name: name, DurationMS: took.Milliseconds()})
}

// record is what the catalogue keeps.
func (s *steps) record() *catalog.Registering {
	return &catalog.Registering{StartedAt: s.started.UTC().Truncate(time.Second), CompletedAt: now(), Steps: s.list}
}
