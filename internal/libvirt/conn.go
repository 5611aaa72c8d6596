// Package libvirt connects to a machine whose guests libvirt runs, and implements host.Host. Its
// subpackages divide the work: dial opens connections, rpc makes requests, virterr types errors,
// storage handles pools and volumes, domain the virtual machines and what all guests have in common,
// container the containers, and node the machine itself.
package libvirt

import (
	"cmp"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/container"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domain"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/node"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/storage"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Options say which host to connect to and how long to wait for it.
type Options struct {
	// URI is a libvirt URI, for example "qemu:///system" or "qemu+ssh://root@host/system"; see New for
	// the supported forms.
	URI string
	// Tenant is the tenant in the names of the volumes that the Conn creates for itself; see
	// Conn.Time. Empty means "default".
	Tenant string
	// DialTimeout bounds reaching the host, including SSH and TLS. Zero means 10
	// seconds.
	DialTimeout time.Duration
	// CallTimeout bounds a single request whose context has no deadline, and the first answer on a
	// connection; a caller with time left tries another connection. It does not bound transfers and
	// server-side clones. Zero means 60 seconds.
	CallTimeout time.Duration
}

// Conn is a libvirt host. Requests go through its client, which documents what happens to abandoned
// requests and lost connections. Each Transfer and each clone has a separate connection. A Conn is
// safe for concurrent use.
type Conn struct {
	*rpc.Client
	*pools
	*volumes
	*domains
	*power
	*devices
	*guests
	*memory
	*migrator
	*machine

	containers *container.Containers
}

var _ host.Host = (*Conn)(nil)

// These aliases exist because fields with the types' own names would hide methods.
type (
	pools    = storage.Pools
	volumes  = storage.Volumes
	domains  = domain.Machines
	power    = domain.MachinePower
	devices  = domain.Devices
	guests   = domain.Guests
	memory   = domain.Memory
	migrator = domain.Migrator
	machine  = node.Node
)

// New prepares a Conn: it parses the URI and makes no connection. A URI is
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
	h := &Conn{
		Client: c, pools: p, volumes: storage.NewVolumes(c, p, cmp.Or(o.Tenant, naming.DefaultTenant)),
		machine: node.New(c),
	}
	h.domains, h.power, h.devices, h.guests, h.memory, h.migrator = domain.New(c)
	h.containers = container.New(rpc.New(t.Containers(), rpc.Options{
		DialTimeout: o.DialTimeout, CallTimeout: o.CallTimeout, Missing: container.ErrMissing,
	}), h.domains.Domains)
	return h, nil
}

// Containers returns the containers of the host. Their driver has a connection of its own, which the
// first request opens.
func (h *Conn) Containers() host.Containers { return h.containers }

// Close closes the host's connections. Requests in flight and later ones fail. The owners of
// transfers close those. Closing again does nothing.
func (h *Conn) Close() error {
	h.Client.Close()
	h.containers.Close()
	return nil
}
