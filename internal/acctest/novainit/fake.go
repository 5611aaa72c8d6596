package novainit

import (
	"context"
	"net/netip"
	"path"
	"strconv"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// Volumes are what Fake needs of a host.
type Volumes interface {
	ReadVolume(ctx context.Context, pool, name string, limit int64) ([]byte, error)
	WriteVolume(ctx context.Context, pool, name string, data []byte) error
}

// Fake acts as nova-init in the containers of a host in memory: it is for fakehost's Init. An application
// whose first argument is "exit" ends at once with the code that is its second one; others run, and are
// healthy, until they are stopped.
func Fake(h Volumes, pool string) func(d host.Domain, signal host.Signal) bool {
	return func(d host.Domain, signal host.Signal) bool {
		ctx := context.Background()
		var config, status string
		for _, f := range d.Filesystems {
			switch f.Target {
			case "/.nova/config.json":
				config = path.Base(f.Source)
			case "/.nova/status":
				status = path.Base(f.Source)
			}
		}
		text, err := h.ReadVolume(ctx, pool, config, initd.MaxConfig)
		if err != nil {
			return false
		}
		c, err := initd.ParseConfig(text)
		if err != nil {
			return false
		}
		s := initd.Status{Revision: c.Revision, Request: c.Request, Started: time.Now(), State: initd.StateRunning}
		if c.Health != nil {
			s.Health = &initd.HealthStatus{State: initd.HealthHealthy}
		}
		for n, i := range c.Network.Interfaces {
			link := initd.InterfaceStatus{Name: i.Name, MAC: i.MAC}
			for _, a := range i.Addresses {
				link.Addresses = append(link.Addresses, a.String())
			}
			if i.DHCP {
				address := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 122, byte(n + 2)}), 24)
				link.Addresses = append(link.Addresses, address.String())
			}
			s.Interfaces = append(s.Interfaces, link)
		}
		runs := true
		if len(c.Process.Args) == 2 && c.Process.Args[0] == "exit" {
			code, _ := strconv.Atoi(c.Process.Args[1])
			s.State, s.Exit, runs = initd.StateExited, &initd.Exit{Code: code, At: time.Now()}, false
		}
		if signal == host.SignalTerminate {
			s.State, s.Exit = initd.StateExited, &initd.Exit{Code: 143, Signal: 15, At: time.Now()}
			s.Stopped, runs = true, false
		}
		_ = h.WriteVolume(ctx, pool, status, s.Encode()) // a host that fails has no status
		return runs
	}
}
