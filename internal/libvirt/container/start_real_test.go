package container_test

import (
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Containers that start at once all run, although libvirt lets them take each other's loop devices.
func TestRealTwentyStartAtOnce(t *testing.T) {
	s := open(t)
	var all []host.Domain
	for range 20 {
		all = append(all, s.defined(s.spec()))
	}
	begun := time.Now()
	var starts sync.WaitGroup
	for _, d := range all {
		starts.Go(func() {
			if err := s.StartDomain(t.Context(), d.UUID); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	t.Logf("20 started in %s", time.Since(begun))
	for _, d := range all {
		s.becomes(d.UUID, host.StateRunning)
	}
}
