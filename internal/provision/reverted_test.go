package provision

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// told is what the container web is told, and what it was told when it started.
func (s *testSite) toldContainer(t *testing.T) (config initd.Config, started string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	text := must.Get[[]byte](t)(s.ReadVolume(ctx, sitePool, naming.Configuration(naming.DefaultTenant, "web"), 16<<20))
	page := must.Get[[]byte](t)(
		s.ReadVolumeAt(ctx, sitePool, naming.Status(naming.DefaultTenant, "web"), 0, initd.StatusSize))
	status := must.Get[initd.Status](t)(initd.DecodeStatus(page))
	return must.Get[initd.Config](t)(initd.ParseConfig(text)), status.Revision
}

// applied changes the container to what r asks for, as Terraform does: if there is something to do.
func (s *testSite) applied(t *testing.T, uuid string, r kind.Request) {
	t.Helper()
	ctx, cancel := bounded(context.WithoutCancel(t.Context()))
	defer cancel()
	now := must.Get[kind.Instance](t)(s.p.Read(ctx, uuid))
	b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(ctx, now, r))
	diff, wrong, err := s.p.Compare(ctx, now, b)
	if err != nil || len(wrong)+len(diff.Replaces) > 0 {
		t.Fatalf("comparing: %v, %v, replaces for %v", err, wrong, diff.Replaces)
	}
	if diff.Restart() || !diff.Devices.None() || len(diff.Grows) > 0 || !now.AsAsked() {
		if _, err := s.p.Update(ctx, uuid, Change{Blueprint: &b, AllowRestart: true, Options: r.Options}); err != nil {
			t.Errorf("reverting: %v", err)
		}
	}
}

// much is a configuration that does not fit into the volume of the one before.
func much() *settings.Settings {
	return &settings.Settings{Env: map[string]string{"MORE": strings.Repeat("x", 70<<10)}}
}

// Any request of a change may fail. If its user reverts the change, the container is as it was.
func TestAFailedChangeOfAContainerIsReverted(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onDocks(t, func(t *testing.T, s *testSite) {
				var i kind.Instance
				var first string
				r := contained("linked_clone")
				r.Container = much()
				s.disturbed(t, how, func() {
					i = s.made(t, contained("linked_clone"))
					synctest.Wait()
					_, first = s.toldContainer(t)
				}, func(ctx context.Context) error {
					defer synctest.Wait() // what plays nova-init makes requests, too
					ctx, cancel := bounded(ctx)
					defer cancel()
					now, err := s.p.Read(ctx, i.UUID)
					if err != nil {
						return err
					}
					b, err := s.p.BlueprintOf(ctx, now, r)
					if err != nil {
						return err
					}
					_, err = s.p.Update(ctx, i.UUID, Change{Blueprint: &b, AllowRestart: true, Options: r.Options})
					return err
				}, func(error) {
					s.applied(t, i.UUID, contained("linked_clone"))
					if config, started := s.toldContainer(t); config.Revision != first || started != first {
						t.Errorf("it is told %s, and runs with %s instead of %s", config.Revision, started, first)
					}
					s.remove(t, i.UUID)
				})
			})
		})
	}
}

// Any request of a reimage may fail. If its user reverts it while the container has its image, the
// container is as it was. Its undo has it run, too.
func TestAFailedReimageOfAContainerIsReverted(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onDocks(t, func(t *testing.T, s *testSite) {
				var i kind.Instance
				var first string
				again := contained("linked_clone")
				again.Version, again.Container = "2.0.0", much()
				s.disturbed(t, how, func() {
					i = s.made(t, contained("linked_clone"))
					synctest.Wait()
					_, first = s.toldContainer(t)
				}, func(ctx context.Context) error {
					defer synctest.Wait() // what plays nova-init makes requests, too
					ctx, cancel := bounded(ctx)
					defer cancel()
					_, _, err := s.p.Reimage(ctx, i.UUID, again)
					return err
				}, func(error) {
					now := must.Get[kind.Instance](t)(s.p.Read(context.WithoutCancel(t.Context()), i.UUID))
					if now.Facts.Version == "1.0.0" {
						s.applied(t, i.UUID, contained("linked_clone"))
						if config, started := s.toldContainer(t); config.Revision != first || started != first {
							t.Errorf("it is told %s, and runs with %s instead of %s", config.Revision, started, first)
						}
					}
					s.remove(t, i.UUID)
				})
			})
		})
	}
}
