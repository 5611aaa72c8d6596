package resume

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/memory"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// site is a pool of the test host with an image, and guests that are booted or resumed there.
type site struct {
	*testing.T
	host            *acctest.Host
	conn            *libvirt.Conn
	pool, directory string
	memory          uint64 // of each guest, in MiB
}

// newSite returns a site whose guests boot the image.
func newSite(t *testing.T, image func(testing.TB) string, memory uint64) *site {
	t.Helper()
	h := acctest.RequireHost(t)
	conn := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: h.URI}))
	s := &site{T: t, host: h, conn: conn, memory: memory}
	t.Cleanup(func() { s.check(s.conn.Close()) })
	s.pool, s.directory = h.Pool(t, "resume-"+strings.ToLower(rand.Text()[:8]))
	h.Exec(t, "cp", image(t), filepath.Join(s.directory, "base.qcow2"))
	s.check(s.conn.RefreshPool(t.Context(), s.pool))
	return s
}

func (s *site) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// until waits for something.
func (s *site) until(what string, is func() bool) {
	s.Helper()
	deadline := time.Now().Add(15 * time.Minute)
	for !is() {
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain for %s", what)
		}
		select {
		case <-s.Context().Done():
			s.Fatal(context.Cause(s.Context()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// vm is a guest.
type vm struct {
	*site
	name, uuid, mac string
	began           time.Time
	*agent.Agent
}

// AgentCommand implements agent.Transport.
func (v *vm) AgentCommand(ctx context.Context, command string, timeout time.Duration) (string, error) {
	return v.conn.AgentCommand(ctx, v.uuid, command, timeout)
}

// guest returns a guest of the site that is yet to be defined.
func (s *site) guest(name string) *vm {
	var b [8]byte
	_, _ = rand.Read(b[:])
	v := &vm{site: s, name: s.pool + "-" + name}
	v.uuid = fmt.Sprintf("%x-0000-4000-8000-%s00000001", b[:4], "0000")
	v.mac = fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[5], b[6], b[7])
	v.Agent = agent.New(v)
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("the console of %s:\n%s", v.name, v.console())
		}
		ctx := context.WithoutCancel(s.Context())
		if d, err := s.conn.DomainByName(ctx, v.name); err == nil {
			s.check(s.conn.DestroyDomain(ctx, d.UUID))
			s.check(s.conn.UndefineDomain(ctx, d.UUID))
		}
	})
	return v
}

// path is that of a file of the guest's.
func (v *vm) path(kind string) string { return filepath.Join(v.directory, v.name+"."+kind) }

// makeVolumes makes the guest's system disk, on another one, and its seed.
func (v *vm) makeVolumes(base string, size uint64, files guest.Files) {
	v.Helper()
	below := must.Get[host.Volume](v)(v.conn.Volume(v.Context(), v.pool, base))
	must.Get[host.Volume](v)(v.conn.CreateVolume(v.Context(), v.pool, host.VolumeSpec{
		Name: v.name + ".qcow2", Format: "qcow2", Capacity: max(size, below.Capacity),
		Backing: &host.Backing{Path: below.Path, Format: "qcow2"},
	}))
	iso := must.Get[[]byte](v)(files.ISO())
	must.Get[host.Volume](v)(v.conn.CreateVolume(v.Context(), v.pool, host.VolumeSpec{
		Name: v.name + ".iso", Format: "raw", Capacity: uint64(len(iso)), Allocation: uint64(len(iso)),
	}))
	v.check(v.conn.WriteVolume(v.Context(), v.pool, v.name+".iso", iso))
}

// card is the guest's network card.
func (v *vm) card() host.InterfaceSpec {
	return host.InterfaceSpec{Name: "eth0", Network: "default", MAC: v.mac}
}

// boot boots a guest from an image, with a seed.
func (s *site) boot(name string, size uint64, seed func(*vm) (guest.Files, error)) *vm {
	s.Helper()
	v := s.guest(name)
	v.began = time.Now()
	v.makeVolumes("base.qcow2", size, must.Get[guest.Files](s)(seed(v)))
	must.Get[host.Domain](s)(s.conn.DefineDomain(s.Context(), host.DomainSpec{
		Name: v.name, UUID: v.uuid, Type: s.host.DomainType, Sockets: 1, Cores: 1, CPU: "Nehalem", MemoryMiB: s.memory,
		Disks:      []host.DiskSpec{{Name: "system", Target: "vda", Path: v.path("qcow2"), Format: "qcow2", Boot: 1}},
		Seed:       v.path("iso"),
		ConsoleLog: v.path("log"),
		Interfaces: []host.InterfaceSpec{v.card()},
	}))
	s.check(s.conn.StartDomain(s.Context(), v.uuid))
	return v
}

// answers waits for the guest's agent.
func (v *vm) answers() {
	v.Helper()
	v.until("the agent of "+v.name, func() bool { return v.Ping(v.Context()) == nil })
}

// done waits until cloud-init in the guest is.
func (v *vm) done() {
	v.Helper()
	v.answers()
	v.until("cloud-init in "+v.name, func() bool {
		report, err := v.CloudInitStatus(v.Context())
		v.check(err)
		if report.Status == agent.CloudInitError || report.Status == agent.CloudInitDisabled {
			v.Fatalf("cloud-init in %s: %+v", v.name, report)
		}
		return report.Status == agent.CloudInitDone
	})
}

// runs runs a script in the guest.
func (v *vm) runs(script string) agent.Result {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.Context(), 5*time.Minute)
	defer cancel()
	return must.Get[agent.Result](v)(v.Script(ctx, script))
}

// does runs a script in the guest, and returns what it prints.
func (v *vm) does(script string) string {
	v.Helper()
	result := v.runs(script)
	if result.ExitCode != 0 {
		v.Fatalf("in %s, a script ended with %d: %s%s", v.name, result.ExitCode, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

func (v *vm) console() string {
	text, _ := os.ReadFile(v.host.HostPath(v.path("log")))
	return string(text)
}

// reports waits for the guest's report.
func (v *vm) reports() (failure string) {
	v.Helper()
	v.until("the report of "+v.name, func() (reported bool) {
		failure, reported = guest.Report(v.console(), v.uuid)
		return reported
	})
	return failure
}

// address waits for the guest's address on its card.
func (v *vm) address() (address string) {
	v.Helper()
	v.until("an address of "+v.name, func() bool {
		for _, nic := range must.Get[[]agent.Interface](v)(v.Interfaces(v.Context())) {
			for _, prefix := range nic.Addresses {
				if nic.MAC == v.mac && prefix.Addr().Is4() {
					address = prefix.Addr().String()
				}
			}
		}
		return address != ""
	})
	return address
}

// sealed is the memory and disk of a sealed guest.
type sealed struct {
	*site
	memory.Saved
	facts Facts
	disk  string
}

var cpuTime = regexp.MustCompile(`cpu\.time=([0-9]+)`)

// used is the processor's time that a running guest has taken since it was booted or resumed.
func (v *vm) used() time.Duration {
	v.Helper()
	found := cpuTime.FindStringSubmatch(v.host.Virsh(v, "domstats", "--cpu-total", v.name))
	return time.Duration(must.Get[int64](v)(strconv.ParseInt(found[1], 10, 64)))
}

// seal boots a guest without an identity, seals it, and saves its memory.
func (s *site) seal(clouded bool, commands ...string) sealed {
	s.Helper()
	v := s.boot("sealed", 0, func(v *vm) (guest.Files, error) { return Seed(v.name) })
	s.host.Virsh(s, "domif-setlink", v.name, v.mac, "down")
	v.answers()
	if clouded {
		v.done()
	}
	began := time.Now()
	facts := must.Get[Facts](s)(ParseFacts(v.does(Seal(commands))))
	s.Logf("sealing took %.1f s: %s", time.Since(began).Seconds(), facts)
	s.host.Virsh(s, "change-media", v.name, "sda", "--eject", "--force")
	s.host.Virsh(s, "domif-setlink", v.name, v.mac, "up")
	last, at := v.used(), time.Now()
	s.until("an idle guest", func() bool {
		if time.Since(at) < 2*time.Second {
			return false
		}
		now := v.used()
		idle := now-last < time.Since(at)/20
		last, at = now, time.Now()
		return idle
	})
	saved := memory.Save(s, s.conn, v.uuid, s.pool, s.directory, "sealed.memory")
	s.check(s.conn.UndefineDomain(s.Context(), v.uuid))
	return sealed{site: s, Saved: saved, facts: facts, disk: v.name + ".qcow2"}
}

// resume resumes a guest, which becomes another one. size is that of its disk, in bytes, if it is to
// be larger.
func (s sealed) resume(name string, size uint64, person func(*vm) Person) (v *vm, lane Lane) {
	s.Helper()
	v = s.guest(name)
	p := person(v)
	v.began = time.Now()
	v.makeVolumes(s.disk, 0, must.Get[guest.Files](s)(p.Seed.Render()))
	s.Resume(s, host.Identity{
		Name: v.name, UUID: v.uuid, CPU: "Nehalem", Seed: v.path("iso"),
		Disks:      map[string]string{"system": v.path("qcow2")},
		ConsoleLog: v.path("log"), Interfaces: []host.InterfaceSpec{v.card()},
	})
	v.answers()
	log := func(what string) { s.Logf("%s: %s after %.1f s", v.name, what, time.Since(v.began).Seconds()) }
	log("the agent answers")
	entropy := make([]byte, EntropySize)
	_, _ = rand.Read(entropy)
	v.does(must.Get[string](s)(p.Identify(s.facts, entropy, time.Now())))
	log("it has an identity")
	if size > 0 {
		s.host.Virsh(s, "blockresize", v.name, "vda", fmt.Sprintf("%dB", size))
	}
	script, lane, err := p.Personalise(s.facts)
	s.check(err)
	v.does(script)
	log("it is connected")
	return v, lane
}
