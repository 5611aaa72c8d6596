package provision

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// recorded works on a request under a record in the catalogue: it is there before the work begins, and says what came of it
// when the work is over. A catalogue that cannot be written keeps nobody from an instance: then the record says so itself.
func (b *build) recorded(ctx context.Context, action string, work func() (Instance, error)) (Instance, error) {
	b.record = Record{RequestID: rand.Text(), RequestedBy: b.library.User(), CreatedAt: now(), StartedAt: now(), Status: string(catalog.RequestRunning)}
	entry, _ := b.library.BeginRequest(ctx, catalog.ProvisioningRequest{
		ID: catalog.RequestID{ID: b.record.RequestID}, Action: action, Instance: b.request.Name, UUID: b.uuid,
		Template: b.request.Template.String(), Version: b.request.Version, Strategy: b.request.Strategy, Host: bareURI(b.host.URI()),
		Status: catalog.RequestRunning, CreatedAt: b.record.CreatedAt, StartedAt: &b.record.StartedAt, Deadline: recordDeadline(ctx),
	})
	instance, err := work()
	b.record.Steps, b.record.CompletedAt, b.record.Status = b.Steps(), now(), string(catalog.RequestCompleted)
	if err != nil {
		b.record.Status, b.record.Error = string(catalog.RequestFailed), cause(err)
		if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
			b.record.Status = string(catalog.RequestCancelled)
		}
	}
	ended := &entry.Value
	ended.UUID, ended.Strategy = instance.UUID, cmp.Or(b.blueprint.Strategy, instance.Facts.Strategy, ended.Strategy)
	ended.Status, ended.CompletedAt = catalog.RequestStatus(b.record.Status), &b.record.CompletedAt
	if err != nil {
		ended.Error = finding.Sentence(errors.New(b.record.Error))
	}
	for _, s := range b.Steps() {
		ended.Steps = append(ended.Steps, catalog.RequestStep{Name: s.Name, DurationMS: s.Duration.Milliseconds()})
	}
	b.record.Unrecorded = b.library.EndRequest(ctx, entry)
	return instance, err
}

// recordDeadline is when nobody can be at work any more: what failed in the last moment is undone after it.
func recordDeadline(ctx context.Context) time.Time {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = now().Add(time.Hour)
	}
	return deadline.Add(2 * step.UndoTime).UTC().Round(0)
}

// bareURI is a libvirt URI without what may be nobody's business: who logs in, and with which keys.
func bareURI(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
