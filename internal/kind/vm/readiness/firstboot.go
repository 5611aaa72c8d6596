package readiness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// While no report comes, a guest's cloud-init is asked every askEvery, and for no more than a
// twentieth of the time: an answer can take the guest a second or more that it needs for the
// customization itself.
const (
	askEvery = 30 * time.Second
	askShare = 20
)

// firstBoot follows a guest's first boot. The guest reports on its serial console, so it needs no
// agent. If it has one, the agent is asked for reasons why no report will ever come.
type firstBoot struct {
	name    string // of the condition
	uuid    string
	console *console
	ask     func(context.Context) (agent.CloudInit, error)

	heard   bool   // the report has come
	failure string // what the report says about failures

	next time.Time // when cloud-init is asked again
	said string    // the last answer, if it means that no report comes unless it is on its way
	last sight
}

func (w *Waiter) firstBoot(i kind.Instance) *firstBoot {
	f := &firstBoot{name: "user_data", uuid: i.UUID, console: w.console(i), ask: w.Agent(i.UUID).CloudInitStatus}
	if i.Facts.Customized.Digest != "" {
		f.name = "customization"
	}
	f.last = sight{advice: adviceNoReport,
		seen: "no report on the guest's serial console; reporting needs an image with cloud-init, and without " +
			"an agent in it nothing more is known"}
	return f
}

// look reads what is new on the console.
func (f *firstBoot) look(ctx context.Context) (err error) {
	if !f.heard {
		f.failure, f.heard, err = f.console.report(ctx, f.uuid)
	}
	return err
}

// failed is what is seen once the guest has reported a failure.
func (f *firstBoot) failed() sight {
	return sight{of: f.name, seen: "a report of the guest", final: reason(f.failure), advice: adviceFailed}
}

// unlessFailed is a condition whose wait ends once the guest has reported that its first boot
// failed.
func (f *firstBoot) unlessFailed(check condition) condition {
	return func(ctx context.Context) sight {
		now := check(ctx)
		if now.met || now.final != nil {
			return now
		}
		if err := f.look(ctx); err == nil && f.failure != "" {
			return f.failed()
		}
		return now
	}
}

// reported is the condition that the guest has done what its template and its customization told it
// to do.
func (f *firstBoot) reported(ctx context.Context) sight {
	if err := f.look(ctx); err != nil {
		return sight{seen: "the guest's serial console cannot be read: " + err.Error()}
	}
	if f.heard {
		if f.failure != "" {
			return f.failed()
		}
		return sight{met: true}
	}
	begun := time.Now()
	if begun.Before(f.next) {
		return f.last
	}
	status, err := f.ask(ctx)
	if errors.Is(err, agent.ErrNoCloudInit) {
		return sight{seen: "a guest without cloud-init, which does what the template's cloud_init and the " +
			"customization say",
			final: err, advice: adviceNoCloudInit}
	}
	if err != nil {
		return f.last // no agent, or not yet
	}
	f.next = time.Now().Add(max(askEvery, askShare*time.Since(begun)))
	return f.judge(status)
}

// judge says what cloud-init's status means while there is no report. A status that means the end
// may be followed by a report in a moment, so it is final only when it is seen for the second time.
func (f *firstBoot) judge(status agent.CloudInit) sight {
	how := string(status.Status)
	if status.Detail != "" && status.Status != agent.CloudInitError { // the detail of an error quotes what has failed
		how += " (" + status.Detail + ")"
	}
	f.last = sight{seen: fmt.Sprintf("cloud-init is %s, and no report is on the guest's serial console", how)}
	said, failures := string(status.Status), strings.Join(status.Errors, "; ")
	switch status.Status {
	case agent.CloudInitDisabled:
		return sight{seen: f.last.seen, advice: adviceDisabled,
			final: errors.New("cloud-init, which does what the template's cloud_init and the customization say, " +
				"is disabled in the image")}
	case agent.CloudInitError:
		said += ": " + failures
		if f.said == said && failures != "" {
			return sight{seen: f.last.seen, final: saidError(fmt.Sprintf("cloud-init failed in stage %s: %s",
				status.FailedStage, failures)), advice: adviceFailed}
		}
	case agent.CloudInitDone, agent.CloudInitDegraded:
		f.last.advice = adviceUnreported
		if f.said == said {
			return sight{seen: f.last.seen, final: errors.New("the guest has ended its first boot without a report"),
				advice: adviceUnreported}
		}
	default:
		said = ""
	}
	f.said = said
	return f.last
}

// saidError is what a guest has said about a failure. It may quote the guest's commands, and so
// secrets: it is shown to the user, but never recorded.
type saidError string

func (e saidError) Error() string { return string(e) }

// reason is an error of a guest's words; nil for no words.
func reason(said string) error {
	if said == "" {
		return nil
	}
	return saidError(said)
}
