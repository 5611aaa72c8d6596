package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// The administrator of a catalog says of each host whether it takes instances, has to be emptied, or is lost.
// A lost host is off for good, by a person's word: nothing asks it, what was there is gone, and a domain that
// it has if it ever comes back is not the instance that the catalog has elsewhere.

// LostError says that a host is lost, and was not asked.
type LostError struct {
	catalog.Host
	What string // that was last seen there, such as "instance UUID"; "" for the host itself
}

func (e *LostError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("host %s is %s", e.Name, e.Host)
	}
	return fmt.Sprintf("%s was last seen on host %s, which is %s, and no other host has it", e.What, e.Name, e.Host)
}

// HostError is an error of a host that has a name.
type HostError struct {
	Host string
	Err  error
}

func (e *HostError) Error() string { return "host " + e.Host + ": " + e.Err.Error() }

// Unwrap returns the error itself.
func (e *HostError) Unwrap() error { return e.Err }

// isLost reports whether an error says that a host is lost.
func isLost(err error) bool {
	_, lost := errors.AsType[*LostError](err)
	return lost
}

// unlessLost is an error, or nil if it says that a host is lost: then there is nothing left to do.
func unlessLost(err error) error {
	if isLost(err) {
		return nil
	}
	return err
}

// State is what the administrator says of the host, as the fleet has last read it.
func (m *Member) State() catalog.Host {
	if h := m.state.Load(); h != nil {
		return *h
	}
	return catalog.Host{Name: m.Name}
}

// lost reports whether the host is lost.
func (m *Member) lost() bool { return m.State().State == catalog.HostLost }

// bars returns why the host takes no instance that it does not have; "" if it takes some.
func (m *Member) bars() string {
	if s := m.State(); !s.Takes() {
		return s.String()
	}
	return ""
}

// Know reads what the administrator says of hosts, unless that was done a moment ago. It makes no request for
// a configuration that names no hosts.
func (f *Fleet) Know(ctx context.Context) error {
	if !f.Named() {
		return nil
	}
	var hosts map[string]catalog.Host
	read := func() (err error) { hosts, err = f.library.Hosts(ctx); return err }
	ask := read
	if f.library.InPool() {
		ask = func() error { return f.home.silence.ask(read) }
	}
	if err := ask(); err != nil {
		return fmt.Errorf("reading the states of hosts: %w", err)
	}
	for _, m := range f.members {
		h, noted := hosts[m.Name]
		if !noted {
			h = catalog.Host{Name: m.Name}
		}
		m.is(h, m == f.home && f.library.InPool())
	}
	f.known.Store(true)
	return nil
}

// is notes what the administrator says of the host. answers says that the host has just said so itself.
func (m *Member) is(h catalog.Host, answers bool) {
	m.state.Store(&h)
	var lost error
	if h.State == catalog.HostLost && !answers {
		lost = &LostError{Host: h}
	}
	m.silence.lose(lost)
}

// Probe asks the host something, whatever the catalog says of it.
func (m *Member) Probe(ctx context.Context) error {
	_, err := m.Room(ctx)
	return err
}

// Quiet reports whether it is known that no plan has to do anything about the instances on the host of a
// name because of its state.
func (f *Fleet) Quiet(name string) bool {
	if !f.Named() {
		return true
	}
	m, there := f.Member(name)
	return f.known.Load() && there && !m.Leaving()
}

// Leaving reports whether plans take the instances off the host.
func (m *Member) Leaving() bool {
	s := m.asPlanned().State
	return s == catalog.HostMaintenance || s == catalog.HostLost
}

// Lost reports whether plans replace the instances on the host.
func (m *Member) Lost() bool { return m.asPlanned().State == catalog.HostLost }

// asPlanned is the state that plans of this process go by. Terraform plans once more while it applies, and then
// has to find what it has planned before the same apply changed the state.
func (m *Member) asPlanned() catalog.Host {
	if h := m.before.Load(); h != nil {
		return *h
	}
	return m.State()
}

// Changes records that this process changes what the administrator says of a host from was.
func (f *Fleet) Changes(was catalog.Host) {
	if m, there := f.Member(was.Name); there {
		m.before.CompareAndSwap(nil, &was)
	}
	f.library.ForgetHosts()
}

// takers are the members that take an instance which they do not have, and why the others do not.
func (f *Fleet) takers(w Where) (takers []*Member, refused []Refusal) {
	allowed, refused := f.Allowed(w)
	for _, m := range allowed {
		if why := m.bars(); why != "" {
			refused = append(refused, Refusal{m.Name, why})
		} else {
			takers = append(takers, m)
		}
	}
	return takers, refused
}

// present are the members that are not lost.
func (f *Fleet) present() (present []*Member) {
	for _, m := range f.members {
		if !m.lost() {
			present = append(present, m)
		}
	}
	return present
}

// homeLost reports that the home of this configuration is lost: another one has to be named first.
func (f *Fleet) homeLost() error {
	if !f.home.lost() || f.library.InPool() {
		return nil
	}
	return finding.List{{Summary: "Home of the images is lost", Detail: fmt.Sprintf("Host %s, whose pool gets the "+
		"images that this configuration registers, is %s. Name another host: catalog = { host = … } in the provider's "+
		"configuration.", f.home.Name, f.home.State())}}
}

// wipe is provision.Provisioner.Clear on a host that may be lost.
func (m *Member) wipe(ctx context.Context, name, uuid string) error {
	if m.lost() {
		return nil
	}
	return m.Clear(ctx, name, uuid)
}

// isGone reports whether a read of an instance says that no host has it, or only one that is lost.
func isGone(err error) bool { return isLost(err) || errors.Is(err, provision.ErrNotFound) }
