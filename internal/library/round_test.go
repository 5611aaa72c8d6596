package library

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// crowded is a pool with many images, each of one version of the tenant shop, and an image of no version.
type crowded struct {
	*fakehost.Host
	documents *poolstore.Store
}

const noVersions = "sha256:0000"

func newCrowded(t *testing.T, images int) crowded {
	t.Helper()
	c := crowded{Host: fakehost.New()}
	must.Value(c.CreateDirPool(t.Context(), "novacron", "/novacron"))
	c.documents = poolstore.New(c, "novacron")
	for n := range images {
		base := catalog.Base{
			Digest: fmt.Sprintf("sha256:%04d", n), Volume: fmt.Sprintf("nova.base.%d.raw", n), Format: "raw",
			State: catalog.BaseReady,
		}
		if base.Digest != noVersions {
			v := catalog.Version{
				ID:     catalog.TemplateID{Tenant: "shop", Name: "web"}.Version(fmt.Sprintf("%d.0.0", n)),
				Digest: base.Digest,
			}
			must.Value(c.documents.Versions().Create(t.Context(), v.ID.String(), v))
			base.Versions = []string{v.ID.String()}
		}
		must.Value(c.documents.Bases().Create(t.Context(), catalog.BaseKey(base.Digest), base))
		c.PutFile("novacron", base.Volume, []byte("image"))
	}
	return c
}

// process opens the library as another process of the tenant does.
func (c crowded) process() *Library {
	documents := poolstore.New(c, "novacron")
	return New(Options{Store: documents, User: "it", Images: imagestore.New(imagestore.Options{
		Host: c, Pool: "novacron", Documents: documents, Tenant: "shop", Rounds: documents.Rounds(),
	})})
}

// sweeps makes a process sweep, and returns how many requests that takes.
func (c crowded) sweeps(t *testing.T) int {
	before := c.Calls()
	c.process().sweep(t.Context())
	return c.Calls() - before
}

func (c crowded) unused(t *testing.T) (since *time.Time, there bool) {
	t.Helper()
	for _, rec := range must.Value(c.documents.Bases().List(t.Context(), "")) {
		if rec.Value.Digest == noVersions {
			return rec.Value.UnusedSince, true
		}
	}
	return nil, false
}

// In a pool with many images, one process an hour looks for those that nothing uses.
func TestOneProcessAnHourLooksForUnusedImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 12 // for a process that has nothing to look for
		c := newCrowded(t, 300)
		first := c.sweeps(t)
		if since, _ := c.unused(t); since == nil {
			t.Error("the first process did not look")
		}
		for range 3 {
			second := c.sweeps(t)
			t.Logf("the first process makes %d requests, and another one %d", first, second)
			if second > most || first < 300 {
				t.Errorf("the first process makes %d requests, and another one %d", first, second)
			}
		}
		time.Sleep(61 * time.Minute)
		if n := c.sweeps(t); n < 300 {
			t.Errorf("an hour later, a process makes %d requests", n)
		}
		if _, there := c.unused(t); there {
			t.Error("an image is there that was unused for an hour")
		}
	})
}

// Of many processes that begin at once, one looks.
func TestOneOfManyProcessesLooksForUnusedImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(t, 100)
		for range 3 {
			var group sync.WaitGroup
			var took atomic.Int32
			for range 8 {
				l := c.process()
				group.Go(func() {
					if l.home.TakeRound(t.Context()) {
						took.Add(1)
					}
				})
			}
			group.Wait()
			if n := took.Load(); n != 1 {
				t.Errorf("%d processes look", n)
			}
			time.Sleep(61 * time.Minute)
		}
	})
}

// In a pool with few images, every process looks, and nothing is noted.
func TestEveryProcessLooksThroughFewImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(t, 20)
		first := c.sweeps(t)
		if second := c.sweeps(t); second < 20 || second > first {
			t.Errorf("the first process makes %d requests, and another one %d", first, second)
		}
		if notes := must.Value(c.documents.Rounds().List(t.Context(), "")); len(notes) > 0 {
			t.Errorf("noted: %+v", notes)
		}
	})
}

// A pool that has no room for the note is looked through.
func TestAFullPoolIsLookedThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowded(t, 100)
		c.Inject = func(call fakehost.Call) fakehost.Fault {
			if call.Method == "CreateVolume" && call.Object != "" {
				return fakehost.Fault{Before: fmt.Errorf("no room for %s", call.Object)}
			}
			return fakehost.Fault{}
		}
		if !c.process().home.TakeRound(t.Context()) {
			t.Error("nothing makes room")
		}
	})
}
