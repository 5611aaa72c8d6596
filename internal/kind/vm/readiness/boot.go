package readiness

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// BootError says that a guest that belongs to no instance has not booted.
type BootError struct{ Of *Error }

// Error implements error.
func (e *BootError) Error() string {
	text := e.Kept()
	if e.Of.Console != "" {
		text += "\n\nThe end of the guest's console:\n" + e.Of.Console
	}
	return text
}

// Kept implements kind.Quoting.
func (e *BootError) Kept() string { return e.Of.kept("the guest") }

// Unwrap returns the cause.
func (e *BootError) Unwrap() error { return e.Of.Err }

// AwaitBoot waits until a guest has booted that belongs to no instance: its agent answers, and
// cloud-init, if it has one, is done. The domain is a warm snapshot's; see naming.NewWarmStem.
func (w *Waiter) AwaitBoot(ctx context.Context, uuid, domain string) error {
	i := kind.Instance{UUID: uuid, DomainName: domain, Facts: metadata.Facts{Name: domain}}
	err := w.await(ctx, i, kind.WaitAgent, func(ctx context.Context) sight { return w.agentAnswers(ctx, i) })
	if err == nil {
		err = w.await(ctx, i, kind.WaitCloudInit, func(ctx context.Context) sight {
			now := w.cloudInitDone(ctx, i)
			// There is nothing to wait for.
			now.met = now.met || errors.Is(now.final, agent.ErrNoCloudInit)
			return now
		})
	}
	if unready, is := errors.AsType[*Error](err); is {
		return &BootError{unready}
	}
	return err
}
