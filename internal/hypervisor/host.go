// Package hypervisor talks to one libvirt host. It is the only package that
// knows libvirt's client and its XML; what it offers are volumes, transfers,
// domains and networks in plain Go types, and errors that errors.Is can tell
// apart.
package hypervisor

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

const (
	defaultDialTimeout = 10 * time.Second
	defaultCallTimeout = 60 * time.Second

	// bulkWidth is how many requests a listing keeps in flight. libvirtd works
	// on five requests of a client at a time (max_client_requests in
	// libvirtd.conf); the rest wait in the socket, so that a remote host is
	// never idle for a round trip.
	bulkWidth = 16

	// agentWidth is how many guest-agent commands may be in flight. Each one
	// holds one of libvirtd's workers (max_workers, 20) until the guest answers.
	agentWidth = 5
)

// errHostClosed is what calls after Close get.
var errHostClosed = errors.New("the connection to the host was closed by this program")

// Options say which host to talk to and how patient to be.
type Options struct {
	// URI is a libvirt URI, for example "qemu:///system" or
	// "qemu+ssh://root@host/system"; see New for what is understood.
	URI string
	// Tenant is whose the volumes are that the Host makes for itself, by their
	// names; see Host.Time. Empty means "default".
	Tenant string
	// DialTimeout bounds reaching the host, including SSH and TLS. Zero means 10
	// seconds.
	DialTimeout time.Duration
	// CallTimeout bounds a single request whose context has no deadline, and
	// the first answer on a connection; a caller with time left tries another.
	// Transfers and server-side clones are not bounded by it.
	// Zero means 60 seconds.
	CallTimeout time.Duration
}

// Host is a libvirt host. It is safe for concurrent use and connects on first
// use. It keeps one connection for control, one for small documents and one for
// guest-agent commands, so that none of them waits for another; each Transfer
// and each clone has a connection of its own.
//
// A request that its caller gives up on (a cancelled or expired context) is
// left to finish by itself: closing the connection would fail everybody else's
// requests on it. Only when nothing at all has arrived on the connection for
// CallTimeout, and no caller with a deadline of its own waits on it any more,
// does it count as hung and is closed; the next call opens another. A network
// that swallows packets ends a connection over TCP or SSH after unackedFor.
//
// When a connection is lost during a request that only reads, the request is
// made once more on a new connection. Any other request fails with
// virterr.ErrUnreachable, because the host may have carried it out or not. A host that
// has answered before and cannot be reached, as while its daemon is restarted,
// is waited for: see awayFor.
type Host struct {
	target      dial.Target
	dialTimeout time.Duration
	callTimeout time.Duration
	tenant      string

	control   *session
	documents *session
	agent     *session
	agentSlot chan struct{}

	calls    atomic.Int64
	closed   atomic.Bool
	presence presence

	// pools remembers the UUIDs of pools: most pool requests are addressed by
	// UUID, and looking it up each time would double them.
	pools sync.Map // pool name → libvirt.StoragePool

	refreshes refreshes

	clocks sync.Map // pool name → reading
}

// New prepares a Host; it parses the URI and does nothing else. A URI is
//
//	qemu[+TRANSPORT]://[USER@][HOST][:PORT]/(system|session)[?OPTION=VALUE…]
//
// with the transports unix (default without a host; option socket), tcp, tls
// (default with a host; options pkipath and no_verify) and ssh (options
// keyfile, known_hosts, socket and no_verify). The ssh transport is built in:
// it uses the SSH agent and unencrypted key files, and reads neither
// ~/.ssh/config nor ProxyJump. The formats are those of
// https://libvirt.org/uri.html.
func New(o Options) (*Host, error) {
	t, err := dial.Parse(o.URI)
	if err != nil {
		return nil, err
	}
	h := &Host{
		target:      t,
		dialTimeout: o.DialTimeout,
		callTimeout: o.CallTimeout,
		tenant:      cmp.Or(o.Tenant, naming.DefaultTenant),
		agentSlot:   make(chan struct{}, agentWidth),
	}
	if h.dialTimeout <= 0 {
		h.dialTimeout = defaultDialTimeout
	}
	if h.callTimeout <= 0 {
		h.callTimeout = defaultCallTimeout
	}
	h.presence.patience, h.presence.briefly = awayFor, brieflyFor
	h.control = &session{host: h}
	h.documents = &session{host: h}
	h.agent = &session{host: h}
	return h, nil
}

// URI returns the URI that the host was made with.
func (h *Host) URI() string { return h.target.URI() }

// Calls returns how many requests have been sent to the host. Opening a
// connection is not counted; a request that was repeated counts twice.
func (h *Host) Calls() int64 { return h.calls.Load() }

// Close closes the host's connections. Requests in flight fail, later ones
// too. Transfers are closed by their owners. Closing again does nothing.
func (h *Host) Close() error {
	if h.closed.Swap(true) {
		return nil
	}
	for _, s := range []*session{h.control, h.documents, h.agent} {
		s.shut()
	}
	return nil
}

// call makes one request on the control connection; see session.call.
func (h *Host) call(ctx context.Context, op, object string, readonly bool, fn func(*libvirt.Libvirt) error) error {
	return h.control.call(ctx, request{op: op, object: object, readonly: readonly, limit: h.callTimeout}, fn)
}

// ask makes one request that only reads on the control connection.
func ask[T any](ctx context.Context, h *Host, op, object string, fn func(*libvirt.Libvirt) (T, error)) (T, error) {
	return answer(fn, func(do func(*libvirt.Libvirt) error) error {
		return h.call(ctx, op, object, true, do)
	})
}

// tell makes one request that changes something on the control connection.
func tell[T any](ctx context.Context, h *Host, op, object string, fn func(*libvirt.Libvirt) (T, error)) (T, error) {
	return answer(fn, func(do func(*libvirt.Libvirt) error) error {
		return h.call(ctx, op, object, false, do)
	})
}

// answer carries fn's result out of a call. An abandoned request may still
// write its result later; so it is looked at only after a success.
func answer[T any](fn func(*libvirt.Libvirt) (T, error), call func(func(*libvirt.Libvirt) error) error) (T, error) {
	var result T
	err := call(func(l *libvirt.Libvirt) error {
		v, err := fn(l)
		if err != nil {
			return err
		}
		result = v
		return nil
	})
	if err != nil {
		var none T
		return none, err
	}
	return result, nil
}
