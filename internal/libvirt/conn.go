// Package libvirt connects to a machine whose guests libvirt runs, and is a host.Host. Its parts below have a room each:
// dial opens connections, rpc makes requests, virterr types errors, storage knows pools and volumes, domain what runs on
// the machine, and node the machine itself.
package libvirt

import (
	"cmp"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domain"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/node"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/storage"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Options say which host to talk to and how patient to be.
type Options struct {
	// URI is a libvirt URI, for example "qemu:///system" or
	// "qemu+ssh://root@host/system"; see New for what is understood.
	URI string
	// Tenant is whose the volumes are that the Conn makes for itself, by their
	// names; see Conn.Time. Empty means "default".
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

// Conn is a libvirt host: requests go through its client, which says what becomes of those that are given up on and of
// lost connections. Each Transfer and each clone has a connection of its own. It is safe for concurrent use.
type Conn struct {
	*rpc.Client
	*pools
	*volumes
	*domains
	*power
	*devices
	*guests
	*machine
}

var _ host.Host = (*Conn)(nil)

// Other names, since fields of the types' own names would hide methods.
type (
	pools   = storage.Pools
	volumes = storage.Volumes
	domains = domain.Domains
	power   = domain.Power
	devices = domain.Devices
	guests  = domain.Guests
	machine = node.Node
)

// New prepares a Conn; it parses the URI and does nothing else. A URI is
//
//	qemu[+TRANSPORT]://[USER@][HOST][:PORT]/(system|session)[?OPTION=VALUE…]
//
// with the transports unix (default without a host; option socket), tcp, tls
// (default with a host; options pkipath and no_verify) and ssh (options
// keyfile, known_hosts, socket and no_verify). The ssh transport is built in:
// it uses the SSH agent and unencrypted key files, and reads neither
// ~/.ssh/config nor ProxyJump. The formats are those of
// https://libvirt.org/uri.html.
func New(o Options) (*Conn, error) {
	t, err := dial.Parse(o.URI)
	if err != nil {
		return nil, err
	}
	c := rpc.New(t, rpc.Options{DialTimeout: o.DialTimeout, CallTimeout: o.CallTimeout})
	p := storage.NewPools(c)
	h := &Conn{Client: c, pools: p, volumes: storage.NewVolumes(c, p, cmp.Or(o.Tenant, naming.DefaultTenant)), machine: node.New(c)}
	h.domains, h.power, h.devices, h.guests = domain.New(c)
	return h, nil
}

// Close closes the host's connections. Requests in flight fail, later ones too. Transfers are closed by their owners.
// Closing again does nothing.
func (h *Conn) Close() error {
	h.Client.Close()
	return nil
}
