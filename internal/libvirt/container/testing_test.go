package container_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// site is the test host with a pool that has a root.
type site struct {
	host.Containers
	t    testing.TB
	host *libvirt.Conn
	pool host.Pool
	root host.Volume
	raw  *rpc.Client // of the driver, for what package host has no word for
}

func open(t testing.TB) *site {
	t.Helper()
	return openAt(t, virttest.URI(t))
}

func openAt(t testing.TB, uri string) *site {
	t.Helper()
	h := must.Get[*libvirt.Conn](t)(libvirt.New(libvirt.Options{URI: uri}))
	t.Cleanup(func() { _ = h.Close() })
	raw := rpc.New(must.Get[dial.Target](t)(dial.Parse(uri)).Containers(), rpc.Options{})
	t.Cleanup(raw.Close)
	name := virttest.Unique("pool")
	pool := must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), name, filepath.Join(virttest.OpenDir(t), "pool")))
	t.Cleanup(func() {
		if err := h.Call(context.WithoutCancel(t.Context()), "removing", virterr.Pool(name), false,
			func(l *golibvirt.Libvirt) error {
				ref, err := l.StoragePoolLookupByName(name)
				if err == nil {
					err = l.StoragePoolDestroy(ref)
				}
				if err == nil {
					err = l.StoragePoolUndefine(ref)
				}
				return err
			}); err != nil {
			t.Error(err)
		}
	})
	return &site{
		Containers: h.Containers(), t: t, host: h, pool: pool, raw: raw,
		root: virttest.Root(t, h, name, "root"),
	}
}

// spec is a container on the site's root.
func (s *site) spec() host.ContainerSpec {
	return host.ContainerSpec{
		Name: virttest.Unique("box"), Init: virttest.RootInit, VCPUs: 1, MemoryMiB: 64,
		Filesystems: []host.Filesystem{
			{Kind: host.FilesystemImage, Source: s.root.Path, Target: "/", ReadOnly: true},
			{Kind: host.FilesystemRAM, Target: "/run", Size: 256 << 10},
		},
	}
}

// file creates a volume with a content, to bind into a container.
func (s *site) file(name, content string) host.Filesystem {
	s.t.Helper()
	v := must.Get[host.Volume](s.t)(s.host.CreateVolume(s.t.Context(), s.pool.Name, host.VolumeSpec{
		Name: name, Format: "raw", Capacity: uint64(max(1, len(content))),
	}))
	if content != "" {
		s.done(s.host.WriteVolume(s.t.Context(), s.pool.Name, name, []byte(content)))
	}
	return host.Filesystem{Kind: host.FilesystemFile, Source: v.Path, Target: "/run/" + name}
}

// does makes the container of a spec run a script, whose output is in the volume "out".
func (s *site) does(spec *host.ContainerSpec, script string) {
	s.t.Helper()
	spec.Filesystems = append(spec.Filesystems, s.file("out", ""), s.file("more", script+"\n"))
}

// says waits until the output of the container ends with a line, and returns the output.
func (s *site) says(line string) string {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		text := string(must.Get[[]byte](s.t)(s.host.ReadVolumeAt(s.t.Context(), s.pool.Name, "out", 0, 64<<10)))
		switch {
		// It begins with the zero of the new volume if it was read in two parts, the first of them too early.
		case strings.HasSuffix(text, line+"\n") && text[0] != 0:
			return text
		case time.Now().After(deadline):
			s.t.Fatalf("it does not say %q but\n%s", line, text)
		}
	}
}

func (s *site) done(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// defined defines a container that is removed when the test ends.
func (s *site) defined(spec host.ContainerSpec) host.Domain {
	s.t.Helper()
	d := must.Get[host.Domain](s.t)(s.DefineContainer(s.t.Context(), spec))
	s.cleanUp(d.UUID)
	return d
}

func (s *site) cleanUp(uuid string) {
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), time.Minute)
		defer cancel()
		_ = s.DestroyDomain(ctx, uuid) // the test may have
		_ = s.UndefineDomain(ctx, uuid)
	})
}

// started starts a container of the spec.
func (s *site) started(spec host.ContainerSpec) host.Domain {
	s.t.Helper()
	d := s.defined(spec)
	s.done(s.StartDomain(s.t.Context(), d.UUID))
	return d
}

// becomes waits until a container is in a state.
func (s *site) becomes(uuid string, want host.State) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		state := must.Get[host.State](s.t)(s.DomainState(s.t.Context(), uuid))
		if state == want {
			return
		}
		if !time.Now().After(deadline) {
			continue
		}
		if want != host.StateShutoff || state != host.StateRunning || s.runs(uuid) {
			s.t.Fatalf("it is %s, want %s", state, want)
		}
		s.t.Log("libvirt has not noticed that process 1 has ended, as it does of one container in a hundred")
		s.done(s.DestroyDomain(s.t.Context(), uuid))
	}
}

// runs reports whether the process that holds a container on the machine has a child that has not ended:
// process 1.
func (s *site) runs(uuid string) bool {
	s.t.Helper()
	pid := s.pid(must.Get[host.Domain](s.t)(s.Domain(s.t.Context(), uuid)))
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return slices.ContainsFunc(strings.Fields(string(children)), func(child string) bool {
		status, err := os.ReadFile("/proc/" + child + "/status")
		return err == nil && !strings.Contains(string(status), "State:\tZ")
	})
}

// onRaw makes a request of libvirt's about a container.
func (s *site) onRaw(d host.Domain, do func(*golibvirt.Libvirt, golibvirt.Domain) error) error {
	return s.raw.Call(s.t.Context(), "testing", d.Name, false, func(l *golibvirt.Libvirt) error {
		ref, err := l.DomainLookupByName(d.Name)
		if err != nil {
			return err
		}
		return do(l, ref)
	})
}

// pid is the process that holds a container on the machine.
func (s *site) pid(d host.Domain) (pid int) {
	s.t.Helper()
	s.done(s.onRaw(d, func(_ *golibvirt.Libvirt, ref golibvirt.Domain) error {
		pid = int(ref.ID)
		return nil
	}))
	return pid
}

// limit reads a limit of a container's control group: a file of version 1 or of version 2 of the
// kernel's interface.
func (s *site) limit(d host.Domain, controller, v1, v2 string) string {
	s.t.Helper()
	groups := must.Get[[]byte](s.t)(os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", s.pid(d))))
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for _, file := range []string{
			filepath.Join("/sys/fs/cgroup", parts[1], parts[2], v1), filepath.Join("/sys/fs/cgroup", parts[2], v2),
		} {
			if text, err := os.ReadFile(file); err == nil && (parts[1] == controller || parts[1] == "") {
				return strings.TrimSpace(string(text))
			}
		}
	}
	s.t.Fatalf("the control groups of %s have no limit of %s:\n%s", d.Name, controller, groups)
	return ""
}

// mac is a MAC address that nothing on the host has.
func mac(t testing.TB) string {
	t.Helper()
	id := virttest.Unique("")
	n := must.Get[uint64](t)(strconv.ParseUint(id[len(id)-6:], 16, 32))
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n))
}
