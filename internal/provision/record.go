package provision

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
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
	// Booted says why the guest has booted, although it was to be resumed; nil otherwise.
	Booted error
	// Unrecorded says why the catalog lacks the record, or its end; nil if it has both. It does not
	// mean that the request failed.
	Unrecorded error
	// Left says that a create failed and that a part of what it had made could not be removed.
	Left bool
}

// recorded works on a request under an entry in the catalog, which says what came of it once the
// work is over. A catalog that cannot be written does not stop the work: the record itself then says
// so.
func (b *build) recorded(
	ctx context.Context, action string, work func() (kind.Instance, error),
) (kind.Instance, error) {
	created := now()
	b.entry = b.p.library.Requests.New(catalog.ProvisioningRequest{
		Action:    action,
		Instance:  b.Request.Name,
		UUID:      b.UUID,
		Template:  b.Request.Template.String(),
		Version:   b.Request.Version,
		Strategy:  b.Request.Strategy,
		Host:      bareURI(b.p.host.URI()),
		Status:    catalog.RequestRunning,
		CreatedAt: created,
		StartedAt: &created,
		Deadline:  recordDeadline(ctx),
	})
	b.record = Record{
		RequestID: b.entry.Value.ID.ID, RequestedBy: b.entry.Value.RequestedBy, CreatedAt: created, StartedAt: created,
		Status: string(catalog.RequestRunning),
	}
	instance, err := work()
	b.record.CompletedAt, b.record.Status = now(), string(catalog.RequestCompleted)
	if err != nil {
		b.record.Status, b.record.Error = string(catalog.RequestFailed), kind.Kept(err)
		if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.Canceled) {
			b.record.Status = string(catalog.RequestCancelled)
		}
	}
	ended := &b.entry.Value
	ended.UUID, ended.Strategy = instance.UUID, cmp.Or(b.Blueprint.Strategy, instance.Facts.Strategy, ended.Strategy)
	ended.Status, ended.CompletedAt = catalog.RequestStatus(b.record.Status), &b.record.CompletedAt
	if err != nil {
		ended.Error = finding.Sentence(errors.New(b.record.Error))
	}
	for _, s := range b.Steps() {
		ended.Steps = append(ended.Steps, catalog.RequestStep{Name: s.Name, DurationMS: s.Duration.Milliseconds()})
	}
	b.record.Unrecorded = b.p.library.Requests.End(ctx, b.entry)
	return instance, err
}

// announce writes the entry down before the work, so that others see the request while it is worked
// on. A failure is no error: see recorded.
func (b *build) announce(ctx context.Context) {
	if b.entry.Revision == "" {
		b.entry, _ = b.p.library.Requests.Begin(ctx, b.entry)
	}
}

// long reports whether creating the instance takes so long that others should see the request
// meanwhile. Of other creates, the domain that claims the name says all that there is to know: see
// recordLost.
func (b *build) long() bool { return b.waits() || !b.Strategy.HoldsBase() }

// waits reports whether a create waits for the guest.
func (b *build) waits() bool { return b.Request.Running && len(b.Request.WaitFor) > 0 }

// recordLost records the create of an instance whose process died before it recorded the create. If
// the create was recorded, nothing happens. A failure is no error.
func (p *Provisioner) recordLost(ctx context.Context, uuid string, facts metadata.Facts) {
	note := facts.Provision
	if note.Request == "" {
		return
	}
	status := catalog.RequestRunning
	if note.Completed != nil {
		status = catalog.RequestCompleted
	}
	_ = p.library.Requests.Lost(ctx, catalog.ProvisioningRequest{
		ID:          catalog.RequestID{Tenant: facts.Tenant, ID: note.Request},
		Action:      catalog.ActionCreate,
		Instance:    facts.Name,
		UUID:        uuid,
		Template:    facts.Template,
		Version:     facts.Version,
		Strategy:    facts.Strategy,
		Host:        bareURI(p.host.URI()),
		RequestedBy: note.RequestedBy,
		Status:      status,
		CreatedAt:   note.Started,
		StartedAt:   &note.Started,
		CompletedAt: note.Completed,
		Runner:      note.Runner,
		Deadline:    note.Deadline,
	})
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
