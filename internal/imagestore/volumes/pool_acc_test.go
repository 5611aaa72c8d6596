package volumes

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// Each provider of a configuration opens the pool by itself, and all of them start at once.
func TestAccManyOpenAPoolThatIsMissing(t *testing.T) {
	site := acctest.RequireHost(t)
	var processes [6]host.Host // with a connection each, as separate processes have
	for i := range processes {
		h := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: site.URI}))
		t.Cleanup(func() { h.Close() })
		processes[i] = h
	}
	for range 10 {
		name := "fresh-" + strings.ToLower(rand.Text()[:8])
		path := filepath.Join(t.TempDir(), "pool")
		t.Cleanup(func() {
			site.Virsh(t, "pool-destroy", name)
			site.Virsh(t, "pool-undefine", name)
		})
		begin := make(chan struct{})
		var all sync.WaitGroup
		for _, h := range processes {
			p := &Pool{host: h, name: name, path: path}
			all.Go(func() {
				<-begin
				if err := p.Open(t.Context()); err != nil || !p.Opened() {
					t.Errorf("opened: %t, %v", p.Opened(), err)
				}
			})
		}
		close(begin)
		all.Wait()
	}
}
