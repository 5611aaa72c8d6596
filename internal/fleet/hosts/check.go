package hosts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Check checks that the state of a host may change, and returns findings otherwise: a host that answers is
// not lost, and one that is lost stays so until it answers. The zero state of a Host is active.
func (a *Administration) Check(ctx context.Context, was, to catalog.Host) error {
	if err := a.Allowed(); err != nil {
		return err
	}
	before, after := was.State == catalog.HostLost, to.State == catalog.HostLost
	if before == after {
		return nil
	}
	m, there := a.fleet.Member(to.Name)
	if !there {
		return a.configured(to.Name)
	}
	if after {
		return a.checkLost(ctx, m)
	}
	return a.checkBack(ctx, m)
}

// CheckDelete checks that the state of a host may be removed, so that the host is active. A lost host that the
// provider's configuration no longer has may become active without an answer.
func (a *Administration) CheckDelete(ctx context.Context, was catalog.Host) error {
	if err := a.Allowed(); err != nil {
		return err
	}
	if _, there := a.fleet.Member(was.Name); !there {
		return nil
	}
	return a.Check(ctx, was, catalog.Host{Name: was.Name})
}

// checkLost checks that a host can be lost.
func (a *Administration) checkLost(ctx context.Context, m *fleet.Member) error {
	refuse := func(summary, why string) error {
		return finding.List{{Path: finding.At("state"), Summary: summary, Detail: why}}
	}
	if m == a.fleet.Home() {
		why := fmt.Sprintf("Host %s is the home of the catalog, whose pool has the documents: without it, there is no "+
			"catalog that could say that it is lost. Restore the pool on another machine, and give that machine the "+
			"host's name among the provider's hosts.", m.Name)
		if !a.Library.InPool() {
			why = fmt.Sprintf("Host %s is the home of this configuration: its pool gets the images that are "+
				"registered. Name another host in all configurations that share the catalog, catalog = { host = … }, "+
				"and apply again. Versions whose image only %[1]s has cannot be used any more.", m.Name)
		}
		return refuse("Home cannot be lost", why)
	}
	err := m.Probe(ctx)
	if away(err) {
		return nil
	}
	how := "it answers"
	if err != nil {
		how = "this does not say that its machine is off (" + err.Error() + ")"
	}
	return refuse("Host is not lost", fmt.Sprintf("Host %s is to be lost, but %s: shut it down first. Its guests "+
		"might run twice otherwise, because plans replace the instances of a lost host.", m.Name, how))
}

// away reports whether an error says that a host's machine may be off. A machine is on if it refuses the login, or
// accepts a connection and does not answer.
func away(err error) bool {
	if failed, is := errors.AsType[*host.ConnectError](err); is && !failed.Away() {
		return false
	}
	return errors.Is(err, host.ErrUnreachable) && !errors.Is(err, host.ErrNoAnswer)
}

// checkBack checks that a host that was lost is back.
func (a *Administration) checkBack(ctx context.Context, m *fleet.Member) error {
	err := m.Probe(ctx)
	if err == nil {
		return nil
	}
	return finding.List{{Path: finding.At("state"), Summary: "Host does not answer", Detail: fmt.Sprintf("Host %s is "+
		"lost, and stays so until it answers, so that its domains can be compared with what the catalog has. If it "+
		"does not come back, take it out of the provider's hosts, in all configurations that share the catalog, and "+
		"then destroy this resource. %s", m.Name, finding.Sentence(err))}}
}

// Announce reports what a change of a host's state means for instances, as warnings.
func (a *Administration) Announce(ctx context.Context, was, to catalog.Host) (finding.List, error) {
	if was.State == to.State {
		return nil, nil
	}
	if err := a.Open(ctx); err != nil {
		return nil, err
	}
	m, there := a.fleet.Member(to.Name)
	if !there {
		return nil, nil
	}
	var fs finding.List
	if was.State == catalog.HostLost {
		back, err := a.announceBack(ctx, m)
		if err != nil {
			return nil, err
		}
		fs = append(fs, back...)
	}
	if to.State != catalog.HostMaintenance && to.State != catalog.HostLost {
		return fs, nil
	}
	who, err := a.inhabitants(ctx, m)
	switch {
	case err != nil:
		return nil, err
	case to.State == catalog.HostLost:
		fs.Add(finding.At("state"), "Host will count as lost", fmt.Sprintf("Check that host %s is switched off: one "+
			"whose libvirt alone has ended still runs its guests. Once this is applied, nothing asks the host any "+
			"more.%s", m.Name, orNone(who, " It has %s. The next plan of each configuration replaces them, and the "+
			"data of their disks is lost.")))
	case who != "":
		fs.Add(finding.At("state"), "Instances will be moved", fmt.Sprintf("Host %s has %s. This apply does not move "+
			"them: the next plan of each configuration does, by the on_host_change of each instance.", m.Name, who))
	}
	return fs, nil
}

// orNone puts a text into a sentence, if there is one.
func orNone(text, sentence string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(sentence, text)
}

// shown is how many instances a message names.
const shown = 10

// inhabitants says which instances the catalog has on a host: those of the provider's tenant by their names.
func (a *Administration) inhabitants(ctx context.Context, m *fleet.Member) (string, error) {
	records, err := a.placements.List(ctx, "")
	if err != nil {
		return "", err
	}
	var own []string
	others := 0
	for _, rec := range records {
		switch {
		case rec.Value.Host != m.Name:
		case rec.Value.Tenant == a.Library.Tenant():
			own = append(own, rec.Value.Name)
		default:
			others++
		}
	}
	var parts []string
	if len(own) > 0 {
		names := strings.Join(own[:min(len(own), shown)], ", ")
		if len(own) > shown {
			names += ", …"
		}
		parts = append(parts, fmt.Sprintf("%s of tenant %q (%s)", instances(len(own)), a.Library.Tenant(), names))
	}
	if others > 0 {
		parts = append(parts, instances(others)+" of other tenants")
	}
	return strings.Join(parts, " and "), nil
}

func instances(n int) string {
	if n == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", n)
}

// announceBack reports the domains of a host that was lost which are no instances any more.
func (a *Administration) announceBack(ctx context.Context, m *fleet.Member) (fs finding.List, err error) {
	records, err := a.placements.List(ctx, "")
	if err != nil {
		return nil, err
	}
	superseded, unplaced, err := a.fleet.Remnants(ctx, m, records, "")
	if err != nil {
		return nil, err
	}
	if len(superseded) > 0 {
		fs.Add(finding.At("state"), "Host has superseded domains", fmt.Sprintf("Host %s is back with domains that "+
			"were instances, and are not any more. They have the names and the addresses of the instances that "+
			"replaced them:%s\nNothing starts or removes them. Take what you need from their disks, and then remove "+
			"them on that host with `virsh undefine DOMAIN`.", m.Name, lines(superseded)))
	}
	if len(unplaced) > 0 {
		fs.Add(finding.At("state"), "Host has domains without a placement", fmt.Sprintf("Host %s is back with domains "+
			"that the catalog does not know. Their instances were destroyed while the host was lost, or were created "+
			"before the provider's configuration named its hosts:%s\nIf no configuration has them, remove them on "+
			"that host with `virsh undefine DOMAIN`.", m.Name, lines(unplaced)))
	}
	return fs, nil
}

// lines writes remnants for a message, one a line.
func lines(remnants []fleet.Remnant) string {
	var b strings.Builder
	for _, r := range remnants {
		b.WriteString("\n  - " + r.String())
	}
	return b.String()
}
