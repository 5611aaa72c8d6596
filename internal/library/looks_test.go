package library

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// machine is a host with the pool of a library.
type machine struct {
	*fakehost.Host
	documents *poolstore.Store
	looks     atomic.Int32 // how often its domains were read
	down      atomic.Bool
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{Host: fakehost.New()}
	must.Value(m.CreateDirPool(t.Context(), "novacron", "/novacron"))
	m.documents = poolstore.New(m, "novacron")
	m.Inject = func(call fakehost.Call) fakehost.Fault {
		if call.Method == "DomainsNamed" {
			m.looks.Add(1)
			time.Sleep(time.Millisecond) // so that others can ask meanwhile
		}
		if m.down.Load() {
			return fakehost.Fault{Before: host.ErrUnreachable}
		}
		return fakehost.Fault{}
	}
	return m
}

// holding writes an image to a machine's pool, with the version that uses it.
func (m *machine) holding(t *testing.T, documents imagestore.Documents, v catalog.Version) {
	t.Helper()
	volume := "nova.base." + strings.TrimPrefix(v.Digest, "sha256:") + ".raw"
	m.PutFile("novacron", volume, []byte("image"))
	must.Value(documents.Bases().Create(t.Context(), catalog.BaseKey(v.Digest), catalog.Base{
		Digest: v.Digest, Volume: volume, Format: "raw", State: catalog.BaseReady, Versions: []string{v.ID.String()},
	}))
}

// onMachines opens a library with its home on the first machine.
func onMachines(all []*machine) (*Library, []imagestore.Documents) {
	var stores []*imagestore.Store
	var documents []imagestore.Documents
	for n, m := range all {
		d := imagestore.Documents(m.documents)
		if n > 0 {
			d = imagestore.Elsewhere(all[0].documents, "shop", m.documents)
		}
		documents = append(documents, d)
		stores = append(stores, imagestore.New(imagestore.Options{
			Host: m, Pool: "novacron", Documents: d, Tenant: "shop", Site: fmt.Sprintf("kvm%d", n),
		}))
	}
	return New(Options{Images: stores[0], Others: stores[1:], Store: all[0].documents, User: "ann"}), documents
}

// The removal of a version reads the domains only of hosts whose pools have its image, and waits for all hosts.
func TestARemovalReadsDomainsWhereTheImageIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := make([]*machine, 6)
		for n := range all {
			all[n] = newMachine(t)
		}
		l, documents := onMachines(all)
		must.Value(all[0].documents.Templates().Create(t.Context(), web.String(), catalog.Template{
			ID: web, Type: catalog.TypeVM, Owner: "ann",
		}))
		v := catalog.Version{ID: web.Version("1.0.0"), Digest: "sha256:aa"}
		must.Value(all[0].documents.Versions().Create(t.Context(), v.ID.String(), v))
		for _, n := range []int{0, 3} {
			all[n].holding(t, documents[n], v)
		}
		l.sweep(t.Context()) // which looks at warm snapshots
		looks := func() (where []int) {
			for n, m := range all {
				if m.looks.Swap(0) > 0 {
					where = append(where, n)
				}
			}
			return where
		}
		looks()
		all[5].down.Store(true)
		err := l.RemoveVersion(t.Context(), v.ID)
		if !errors.Is(err, host.ErrUnreachable) || !strings.Contains(err.Error(), "kvm5") {
			t.Errorf("with a silent host: %v", err)
		}
		all[5].down.Store(false)
		looks()
		users := must.Value(l.users(t.Context(), v, func(string) {}))
		if got := fmt.Sprint(looks()); users.InUse() || got != "[0 3]" {
			t.Errorf("the domains of the hosts %s were read, and the users are %+v", got, users)
		}
		if err := l.RemoveVersion(t.Context(), v.ID); err != nil {
			t.Error(err)
		}
		for n := range all {
			if left := must.Value(documents[n].Bases().List(t.Context(), "")); len(left) > 0 {
				t.Errorf("on host %d is left: %+v", n, left)
			}
		}
	})
}

// Instances are counted for many templates at once by few looks at the host, each after the caller has asked.
func TestCountsShareLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		l, _ := onMachines([]*machine{m})
		const templates, drivers = 20, 2 // a look reads the domains of machines and of containers
		var group sync.WaitGroup
		for n := range templates {
			group.Go(func() {
				id := catalog.TemplateID{Tenant: "shop", Name: fmt.Sprint("web-", n)}
				if _, err := l.InstanceCounts(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := m.looks.Load(); n > 2*drivers {
			t.Errorf("for %d templates, the host's domains were read %d times", templates, n)
		}
		before := m.looks.Load()
		must.Value(l.InstanceCounts(t.Context(), web))
		if n := m.looks.Load() - before; n != drivers {
			t.Errorf("a later count reads the domains %d times", n)
		}
	})
}
