package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// reports tells whether the guest has something to do at its first boot, of which it reports.
func (b Blueprint) reports() bool { return guest.Reports(b.UserData, b.Customization) }

// customized is what the metadata of a new instance says, which is started at once or not.
func (b Blueprint) customized(started bool) catalog.Customized {
	return catalog.Customized{Digest: b.Customization.Digest(), Pending: b.reports() && !started}
}

// A guest's cloud-init is asked every askEvery while no report comes, and no more than a twentieth of the time: an answer can
// take a second or more of what the guest needs for the customization itself.
const (
	askEvery = 30 * time.Second
	askShare = 20
)

// reported makes a condition: the guest has done what its template and its customization gave it to do. It reports on its
// serial console, so that no agent is needed. Where there is one, it is asked for reasons why no report will ever come.
func (p *Provisioner) reported(i Instance) condition {
	var next time.Time
	var failed string // what cloud-init said when it was last asked, if it had failed
	console := p.console(i)
	last := sight{advice: adviceNoReport,
		seen: "no report on the guest's serial console; it takes an image with cloud-init, and without an agent in it nothing more is known"}
	return func(ctx context.Context) sight {
		failure, reported, err := console.report(ctx, i.UUID)
		if err != nil {
			return sight{seen: "the guest's serial console cannot be read: " + err.Error()}
		}
		if reported {
			return sight{met: failure == "", seen: "a report of the guest", final: reason(failure), advice: adviceFailed}
		}
		begun := time.Now()
		if begun.Before(next) {
			return last
		}
		status, err := p.agent(i.UUID).CloudInitStatus(ctx)
		if errors.Is(err, guest.ErrNoCloudInit) {
			return sight{seen: "a guest without cloud-init, which does what the template's cloud_init and the customization say", final: err, advice: adviceNoCloudInit}
		}
		if err != nil {
			return last // no agent, or not yet
		}
		next = time.Now().Add(max(askEvery, askShare*time.Since(begun)))
		last = sight{seen: fmt.Sprintf("cloud-init is %s (%s), and no report is on the guest's serial console", status.Status, status.Detail)}
		switch said := strings.Join(status.Errors, "; "); {
		case status.Status == guest.CloudInitDisabled:
			return sight{seen: last.seen, final: errors.New("cloud-init, which does what the template's cloud_init and the customization say, is disabled in the image"),
				advice: adviceDisabled}
		case status.Status == guest.CloudInitError && failed == said && said != "": // a report says more; there was time for it
			return sight{seen: last.seen, final: saidError(fmt.Sprintf("cloud-init failed in stage %s: %s", status.FailedStage, said)), advice: adviceFailed}
		case status.Status == guest.CloudInitError:
			failed = said
		}
		return last
	}
}

// saidError is what a guest has said of a failure. It may quote its commands, and so secrets: a user is shown it, and no record
// keeps it.
type saidError string

func (e saidError) Error() string { return string(e) }

// reason is an error of what a guest said; nil for nothing.
func reason(said string) error {
	if said == "" {
		return nil
	}
	return saidError(said)
}
