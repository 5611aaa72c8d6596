package planning

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

var errRead = errors.New("the catalog does not answer")

var web = catalog.TemplateID{Tenant: "shop", Name: "web"}

// reads returns a template with the version 1.0.0, and counts how often it does.
type reads struct {
	n        atomic.Int64
	template catalog.Template
	versions []catalog.Version
	err      error
}

func (r *reads) read() (catalog.Template, []catalog.Version, error) {
	r.n.Add(1)
	return r.template, r.versions, r.err
}

func webReads() *reads {
	return &reads{
		template: catalog.Template{ID: web, Description: "stored"},
		versions: []catalog.Version{{ID: web.Version("1.0.0"), Lifecycle: catalog.Lifecycle{State: catalog.Active}}},
	}
}

// atOnce calls do several times at once.
func atOnce(do func()) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(do)
	}
	group.Wait()
}

func TestATemplateIsReadOnceAPlan(t *testing.T) {
	s, r := New(NewRemovals(Grace)), webReads()
	atOnce(func() {
		template, versions, err := s.Read(web, r.read)
		if err != nil || template.Description != "stored" || len(versions) != 1 {
			t.Errorf("read %+v, %+v, %v", template, versions, err)
		}
	})
	if n := r.n.Load(); n != 1 {
		t.Errorf("the catalog was asked %d times", n)
	}
	if _, _, err := s.Read(catalog.TemplateID{Tenant: "shop", Name: "db"}, r.read); err != nil || r.n.Load() != 2 {
		t.Errorf("another template: %v, asked %d times", err, r.n.Load())
	}
	s.Forget(web)
	if _, _, err := s.Read(web, r.read); err != nil || r.n.Load() != 3 {
		t.Errorf("after a write: %v, asked %d times", err, r.n.Load())
	}
}

// That a template does not exist is an answer. Any other error may be gone with the next try.
func TestAnErrorIsReadAgain(t *testing.T) {
	s := New(NewRemovals(Grace))
	for err, asked := range map[error]int64{catalog.ErrNotFound: 1, errRead: 2} {
		s.Forget(web)
		r := &reads{err: err}
		for range 2 {
			if _, _, got := s.Read(web, r.read); !errors.Is(got, err) {
				t.Errorf("got %v, want %v", got, err)
			}
		}
		if n := r.n.Load(); n != asked {
			t.Errorf("%v: asked %d times, want %d", err, n, asked)
		}
	}
}

// hardware is a profile with that many MiB of memory.
func hardware(memory int64) *profile.Hardware { return &profile.Hardware{MemoryMB: &memory} }

func TestWhatIsReadIsAsThePlanLeavesIt(t *testing.T) {
	s, r := New(NewRemovals(Grace)), webReads()
	r.template.Owner = "ann"
	planned := hardware(1024)
	r.template.Spec.Hardware = hardware(512)
	draft := catalog.Version{ID: web.Version("2.0.0"), Lifecycle: catalog.Lifecycle{State: catalog.Draft}}
	r.versions = append(r.versions, draft)
	changed := catalog.Template{ID: web, Description: "planned", Spec: catalog.Spec{Hardware: planned}}
	s.WillChange(changed)
	s.WillSetState(web.Version("1.0.0"), catalog.Lifecycle{State: catalog.Archived})
	s.WillSetWarm(web.Version("1.0.0"), &catalog.Warm{SettleSeconds: 3})
	s.WillRemake(web.Version("1.0.0"))
	if !s.Remakes(web.Version("1.0.0")) || s.Remakes(web.Version("1.1.0")) {
		t.Error("it is not known which snapshot the plan makes")
	}
	template, versions, err := s.Read(web, r.read)
	if err != nil || template.Description != "planned" || template.Owner != "ann" {
		t.Errorf("the template is %+v, %v: want what is planned, of the same owner", template, err)
	}
	if versions[0].State != catalog.Archived || versions[0].Spec.Hardware != nil ||
		versions[0].Warm == nil || versions[0].Warm.SettleSeconds != 3 {
		t.Errorf("a version is %+v", versions[0])
	}
	if versions[1].Spec.Hardware != planned {
		t.Errorf("a draft, which follows its template, is %+v", versions[1])
	}
	if r.versions[0].State != catalog.Active || r.versions[0].Warm != nil || r.versions[1].Spec.Hardware != nil {
		t.Errorf("what was read was changed: %+v", r.versions)
	}
}

func TestThePoolIsAskedOnceForAnImage(t *testing.T) {
	s := New(NewRemovals(Grace))
	var asked atomic.Int64
	var answer error
	ask := func() error {
		asked.Add(1)
		return answer
	}
	atOnce(func() {
		if err := s.Image("sha256:aa", ask); err != nil {
			t.Error(err)
		}
	})
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	answer = errRead
	for try := range int64(2) {
		if err := s.Image("sha256:bb", ask); !errors.Is(err, errRead) || asked.Load() != 2+try {
			t.Errorf("another image, try %d: %v, asked %d times", try+1, err, asked.Load())
		}
	}
	answer = nil
	if err := errors.Join(s.Image("sha256:bb", ask), s.Image("sha256:bb", ask)); err != nil || asked.Load() != 4 {
		t.Errorf("once it is there: %v, asked %d times", err, asked.Load())
	}
}
