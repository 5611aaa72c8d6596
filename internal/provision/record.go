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
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Record says how an instance was provisioned.
type Record struct {
	RequestID   string
	RequestedBy string
	CreatedAt   time.Time
	StartedAt   time.Time
	CompletedAt time.Time
	Status      string // running, completed, failed or cancelled
	Error       string
	Steps       []step.Step
	// Unrecorded says why the catalog lacks the record, or its end; nil if it has both. It does not
	// mean that the request failed.
	Unrecorded error
}

// recorded works on a request under a record in the catalog. The record is written before the work
// begins, and says what came of it once the work is over. A catalog that cannot be written does not
// stop the work: the record itself then says so.
func (b *build) recorded(
	ctx context.Context, action string, work func() (kind.Instance, error),
) (kind.Instance, error) {
	b.record = Record{RequestID: rand.Text(), RequestedBy: b.p.library.User(), CreatedAt: now(), StartedAt: now(),
		Status: string(catalog.RequestRunning)}
	entry, _ := b.p.library.Requests.Begin(ctx, catalog.ProvisioningRequest{
		ID:        catalog.RequestID{ID: b.record.RequestID},
		Action:    action,
		Instance:  b.Request.Name,
		UUID:      b.UUID,
		Template:  b.Request.Template.String(),
		Version:   b.Request.Version,
		Strategy:  b.Request.Strategy,
		Host:      bareURI(b.p.host.URI()),
		Status:    catalog.RequestRunning,
		CreatedAt: b.record.CreatedAt,
		StartedAt: &b.record.StartedAt,
		Deadline:  recordDeadline(ctx),
	})
	instance, err := work()
	b.record.Steps, b.record.CompletedAt, b.record.Status = b.Steps(), now(), string(catalog.RequestCompleted)
	if err != nil {
		b.record.Status, b.record.Error = string(catalog.RequestFailed), kind.Kept(err)
		if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
			b.record.Status = string(catalog.RequestCancelled)
		}
	}
	ended := &entry.Value
	ended.UUID, ended.Strategy = instance.UUID, cmp.Or(b.Blueprint.Strategy, instance.Facts.Strategy, ended.Strategy)
	ended.Status, ended.CompletedAt = catalog.RequestStatus(b.record.Status), &b.record.CompletedAt
	if err != nil {
		ended.Error = finding.Sentence(errors.New(b.record.Error))
	}
	for _, s := range b.Steps() {
		ended.Steps = append(ended.Steps, catalog.RequestStep{Name: s.Name, DurationMS: s.Duration.Milliseconds()})
	}
	b.record.Unrecorded = b.p.library.Requests.End(ctx, entry)
	return instance, err
}

// recordDeadline is when the work must have ended. It leaves time to undo what failed at the last
// moment.
func recordDeadline(ctx context.Context) time.Time {
	return lease.Deadline(ctx, time.Now()).Add(2 * step.UndoTime).UTC().Round(0)
}

// bareURI is a libvirt URI without its confidential parts: the user who logs in, and the keys used.
func bareURI(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
