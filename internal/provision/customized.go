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

// customized is what the metadata of a new instance says, which is started at once or not.
func (b Blueprint) customized(started bool) catalog.Customized {
	digest := b.Customization.Digest()
	return catalog.Customized{Digest: digest, Pending: digest != "" && !started}
}

// A guest's cloud-init is asked every askEvery while no report comes, and no more than a twentieth of the time: an answer can
// take a second or more of what the guest needs for the customization itself.
const (
	askEvery = 30 * time.Second
	askShare = 20
)

// customized makes a condition: the guest has carried out its customization. It reports on its serial console, so that
// no agent is needed. Where there is one, it is asked for reasons why no report will ever come.
func (p *Provisioner) customized(i Instance) condition {
	var next time.Time
	var failed string // what cloud-init said when it was last asked, if it had failed
	seen := "no report on the guest's serial console; it takes an image with cloud-init, and without an agent in it nothing more is known"
	return func(ctx context.Context) (bool, string, error) {
		console, err := p.console(ctx, i)
		if err != nil {
			return false, "the guest's serial console cannot be read: " + err.Error(), nil
		}
		if failure, reported := guest.CustomizationReport(console, i.UUID); reported {
			return failure == "", "a report of the guest", reason(failure)
		}
		begun := time.Now()
		if begun.Before(next) {
			return false, seen, nil
		}
		status, err := p.agent(i.UUID).CloudInitStatus(ctx)
		if errors.Is(err, guest.ErrNoCloudInit) {
			return false, "a guest without cloud-init, which carries out a customization", err
		}
		if err != nil {
			return false, seen, nil // no agent, or not yet
		}
		next = time.Now().Add(max(askEvery, askShare*time.Since(begun)))
		seen = fmt.Sprintf("cloud-init is %s (%s), and no report is on the guest's serial console", status.Status, status.Detail)
		switch said := strings.Join(status.Errors, "; "); {
		case status.Status == guest.CloudInitDisabled:
			return false, seen, errors.New("cloud-init, which carries out a customization, is disabled in the image")
		case status.Status == guest.CloudInitError && failed == said && said != "": // a report says more; there was time for it
			return false, seen, fmt.Errorf("cloud-init failed in stage %s: %s", status.FailedStage, said)
		case status.Status == guest.CloudInitError:
			failed = said
		}
		return false, seen, nil
	}
}

// reason is an error of what a guest said; nil for nothing.
func reason(said string) error {
	if said == "" {
		return nil
	}
	return errors.New(said)
}
