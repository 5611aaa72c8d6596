package imagestore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// elsewhere is a process of another machine.
const elsewhere = "elsewhere/4711/m/b/1-1/99"

// claimed writes the document of a version that a process of another machine registers, with a
// lease that ends after the time left.
func (s stored) claimed(t *testing.T, number string, left time.Duration) {
	t.Helper()
	now := must.Get[time.Time](t)(s.catalog.Now(t.Context()))
	s.version(t, catalog.Version{ID: web.Version(number), Claim: &catalog.Claim{
		Runner: elsewhere, Since: now.Add(-10 * time.Hour), Deadline: now.Add(left),
	}})
}

// sending writes the document of an image that is being sent for versions, with its volume.
func (s stored) sending(t *testing.T, versions ...string) catalog.Record[catalog.Base] {
	t.Helper()
	must.Get[host.Volume](t)(s.host.CreateVolume(t.Context(), "novacron", host.VolumeSpec{
		Name: "nova.base.x.raw", Format: "raw", Capacity: 4096,
	}))
	return s.base(t, catalog.Base{
		Digest: digestA, State: catalog.BaseUploading, Volume: "nova.base.x.raw", Versions: versions,
	})
}

// hasVolume reports whether the volume of sending is there.
func (s stored) hasVolume(t *testing.T) bool {
	t.Helper()
	_, err := s.host.Volume(t.Context(), "novacron", "nova.base.x.raw")
	if err != nil && !errors.Is(err, host.ErrNoVolume) {
		t.Fatal(err)
	}
	return err == nil
}

func TestWhetherAnUploadLivesIsKnownByItsRegistration(t *testing.T) {
	s := inMemory(t)
	s.claimed(t, "1.0.0", time.Hour)
	s.claimed(t, "2.0.0", -time.Hour)
	s.claimed(t, "4.0.0", time.Hour)
	s.version(t, catalog.Version{ID: web.Version("3.0.0"), Digest: digestA})
	for name, c := range map[string]struct {
		versions []string
		want     life
	}{
		"with a lease":                     {[]string{"shop/web@1.0.0"}, alive},
		"whose lease has ended":            {[]string{"shop/web@2.0.0"}, dead},
		"that is gone":                     {[]string{"shop/web@9.0.0"}, dead},
		"that is over":                     {[]string{"shop/web@3.0.0"}, unknown},
		"that waits itself":                {[]string{"shop/web@4.0.0"}, unknown},
		"of another tenant":                {[]string{"bank/vault@1.0.0"}, unknown},
		"of another catalog":               {[]string{"4711:shop/web@1.0.0"}, unknown},
		"of another catalog, or is gone":   {[]string{"4711:shop/web@1.0.0", "shop/web@9.0.0"}, unknown},
		"of another catalog, with a lease": {[]string{"4711:shop/web@1.0.0", "shop/web@1.0.0"}, alive},
	} {
		base := catalog.Base{State: catalog.BaseUploading, Versions: c.versions}
		j, waits := joiner{Store: s.Store}, web.Version("4.0.0")
		if got, err := j.worker(t.Context(), base, waits); err != nil || got != c.want {
			t.Errorf("for a registration %s: %d, %v, want %d", name, got, err, c.want)
		}
		base.State = catalog.BaseDeleting
		if got, err := j.worker(t.Context(), base, waits); err != nil || got != unknown {
			t.Errorf("of one that is removed: %d, %v, want %d", got, err, unknown)
		}
	}
}

// The volume of an image that is hashed for a long time does not change meanwhile.
func TestAnUploadWithALeaseIsWaitedFor(t *testing.T) {
	for user, want := range map[string]bool{"shop/web@1.0.0": true, "4711:shop/web@1.0.0": false} {
		synctest.Test(t, func(t *testing.T) { // time is simulated
			s := inMemory(t)
			s.claimed(t, "1.0.0", time.Hour)
			s.sending(t, user)
			ctx, cancel := context.WithTimeout(t.Context(), 10*abandonedAfter)
			defer cancel()
			_, err := joiner{Store: s.Store}.join(ctx, digestA, web.Version("2.0.0"))
			if s.hasVolume(t) != want || errors.Is(err, context.DeadlineExceeded) != want {
				t.Errorf("for %s: %v, and the volume is there: %t, want %t", user, err, s.hasVolume(t), want)
			}
		})
	}
}

// A process that waited and a registration that begins to remove what it takes for dead look at a
// document before they do so.
func TestABaseThatWasPublishedMeanwhileStays(t *testing.T) {
	other := web.Version("2.0.0")
	for name, remove := range map[string]func(context.Context, remover, catalog.Record[catalog.Base]) error{
		"waited": func(ctx context.Context, r remover, rec catalog.Record[catalog.Base]) error {
			return r.takeAway(ctx, rec)
		},
		"clears away": func(ctx context.Context, r remover, rec catalog.Record[catalog.Base]) error {
			return r.leaveAbandoned(ctx, web.Version("1.0.0"), rec)
		},
	} {
		s := inMemory(t)
		rec := s.sending(t, "shop/web@1.0.0")
		ready := rec.Value
		ready.State, ready.Versions = catalog.BaseReady, []string{"shop/web@1.0.0", other.String()}
		must.Get[catalog.Record[catalog.Base]](t)(s.bases.Replace(t.Context(), rec.Key, rec.Revision, ready))
		if err := remove(t.Context(), newRemover(s.Store), rec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		base, err := s.Base(t.Context(), digestA)
		if err != nil || base.Volume != ready.Volume || !s.hasVolume(t) {
			t.Errorf("%s: the base is %+v, %v, its volume is there: %t", name, base, err, s.hasVolume(t))
		}
	}
}

// What another process took for dead is not published: that process removes the volume.
func TestAnUploadWhoseReservationWasTakenGivesUp(t *testing.T) {
	s, sum := inMemory(t), "sha256:"+strings.Repeat("aa", 32)
	checksum := must.Get[image.Checksum](t)(image.ParseChecksum(sum))
	h := holding{s.Store, Request{Version: web.Version("1.0.0"), Source: file.Source{Path: "disk", Checksum: sum}}}
	u := h.newUpload("nova.base.x.raw", "raw")
	if err := u.reserve(t.Context(), checksum); err != nil {
		t.Fatal(err)
	}
	rec := must.Get[catalog.Record[catalog.Base]](t)(s.bases.Get(t.Context(), catalog.BaseKey(sum)))
	must.Get[catalog.Record[catalog.Base]](t)(newRemover(s.Store).take(t.Context(), rec))
	var taken *takenError
	if err := u.claim(t.Context(), "fsverity:aa"); !errors.As(err, &taken) || taken.digest != sum {
		t.Errorf("claiming the image: %v, want that %s is taken", err, sum)
	}
	if err := u.rollBackOn(t.Context(), taken); !errors.Is(err, taken) {
		t.Error(err)
	}
	if left := must.Get[[]catalog.Record[catalog.Base]](t)(s.bases.List(t.Context(), "")); len(left) > 0 {
		t.Errorf("left are %+v", left)
	}
}

// An attempt that ended because of another process, and left something behind, is not repeated: the
// version's claim has to stay.
func TestAnAttemptThatLeavesSomethingIsTheLast(t *testing.T) {
	var taken *takenError
	because := &takenError{digest: digestA}
	if !isTaken(because, &taken) || taken != because {
		t.Error("another process is not seen")
	}
	if isTaken(errors.Join(because, &LeftoverError{host.ErrNoAnswer}), &taken) {
		t.Error("what is left is not seen")
	}
}
