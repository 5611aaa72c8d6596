package domain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

const testMetadata = `<n:instance xmlns:n="urn:novacron:instance:1" ` +
	`name="web"><n:tenant>t&amp;1</n:tenant></n:instance>`

// realSpec describes a small domain whose disk and seed exist.
func realSpec(t testing.TB, h *connection, pool, path string) host.DomainSpec {
	t.Helper()
	for _, v := range []host.VolumeSpec{
		{Name: "system", Format: "qcow2", Capacity: 8 << 20},
		{Name: "data", Format: "raw", Capacity: 1 << 20},
		{Name: "seed", Format: "raw", Capacity: 1 << 20},
	} {
		must.Get[host.Volume](t)(h.CreateVolume(t.Context(), pool, v))
	}
	name := virttest.Unique("dom")
	uuid := name[len(name)-8:] + "-0000-4000-8000-000000000001"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		d, err := h.DomainByName(ctx, name)
		if errors.Is(err, host.ErrNoDomain) {
			return
		}
		if err := errors.Join(err, h.DestroyDomain(ctx, d.UUID), h.UndefineDomain(ctx, d.UUID)); err != nil {
			t.Error(err)
		}
	})
	return host.DomainSpec{
		Name: name, UUID: uuid, Title: "A <title>", Description: "line 1\nline 2", Type: "qemu",
		Sockets: 1, Cores: 2, CPU: "host-model", MemoryMiB: 64,
		Disks: []host.DiskSpec{
			{Name: "system", Target: "vda", Path: filepath.Join(path, "system"), Format: "qcow2", Boot: 1},
			{Name: "data", Target: "vdb", Path: filepath.Join(path, "data"), Format: "raw"},
		},
		Seed:       filepath.Join(path, "seed"),
		Interfaces: []host.InterfaceSpec{{Name: "data", Network: "default", MAC: "52:54:00:aa:bb:cc"}},
		Metadata:   testMetadata,
	}
}

func TestDomainIsDefinedChangedAndUndefined(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	spec := realSpec(t, h, pool, path)

	want := host.Domain{
		UUID: spec.UUID, Name: spec.Name, Title: spec.Title, Description: spec.Description, Type: "qemu",
		Status: host.Status{State: host.StateShutoff}, Sockets: 1, Cores: 2, CPU: "maximum", MemoryMiB: 64,
		Disks: []host.DomainDisk{
			{Name: "system", Target: "vda", Path: spec.Disks[0].Path, Format: "qcow2", Boot: 1},
			{Name: "data", Target: "vdb", Path: spec.Disks[1].Path, Format: "raw"},
			{Target: "sda", Path: spec.Seed, Format: "raw", CDROM: true},
		},
		Interfaces: []host.DomainInterface{
			{Name: "data", MAC: "52:54:00:aa:bb:cc", Network: "default", Model: "virtio"},
		},
	}
	same := func(got host.Domain) {
		t.Helper()
		if !sameMetadata(t, got.Metadata, spec.Metadata) {
			t.Errorf("metadata is %s", got.Metadata)
		}
		got.Metadata = ""
		if diff := virttest.Differ(got, want); diff != "" {
			t.Error(diff)
		}
	}
	before := h.Calls()
	same(must.Get[host.Domain](t)(h.DefineDomain(ctx, spec)))
	if n := h.Calls() - before; n != 2 {
		t.Errorf("defining took %d requests, want 2", n)
	}
	before = h.Calls()
	same(must.Get[host.Domain](t)(h.Domain(ctx, spec.UUID)))
	if n := h.Calls() - before; n != 3 {
		t.Errorf("reading took %d requests, want 3", n)
	}
	same(must.Get[host.Domain](t)(h.DomainByName(ctx, spec.Name)))

	other := spec
	other.UUID = "ffffffff-0000-4000-8000-" + spec.UUID[:8] + "0002"
	_, err := h.DefineDomain(ctx, other)
	virttest.WantErr(t, err, host.ErrExists)
	other.UUID, other.Name = spec.UUID, spec.Name+"-other"
	_, err = h.DefineDomain(ctx, other)
	virttest.WantErr(t, err, host.ErrExists)

	title, cores, memory := "", 3, uint64(96)
	if err := h.RedefineDomain(ctx, spec.UUID, host.DomainChange{
		Title: &title, Cores: &cores, MemoryMiB: &memory,
	}); err != nil {
		t.Fatal(err)
	}
	if err := h.SetAutostart(ctx, spec.UUID, true); err != nil {
		t.Fatal(err)
	}
	want.Title, want.Cores, want.MemoryMiB, want.Autostart = "", 3, 96, true
	same(must.Get[host.Domain](t)(h.Domain(ctx, spec.UUID)))
	spec.Metadata = `<x:instance xmlns:x="urn:novacron:instance:1" name="db"/>`
	before = h.Calls()
	if err := h.RedefineDomain(ctx, spec.UUID, host.DomainChange{Metadata: &spec.Metadata}); err != nil {
		t.Fatal(err)
	}
	if n := h.Calls() - before; n != 1 {
		t.Errorf("changing the metadata took %d requests, want 1", n)
	}
	same(must.Get[host.Domain](t)(h.Domain(ctx, spec.UUID)))

	if err := h.UndefineDomain(ctx, spec.UUID); err != nil {
		t.Fatal(err)
	}
	_, err = h.Domain(ctx, spec.UUID)
	virttest.WantErr(t, err, host.ErrNoDomain)
	_, err = h.DomainByName(ctx, spec.Name)
	virttest.WantErr(t, err, host.ErrNoDomain)
	virttest.WantErr(t, h.UndefineDomain(ctx, spec.UUID), host.ErrNoDomain)
	virttest.WantErr(t, h.StartDomain(ctx, spec.UUID), host.ErrNoDomain)
}

func TestDomainKeepsWhatOthersAddedToIt(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	spec := realSpec(t, h, pool, path)
	must.Get[host.Domain](t)(h.DefineDomain(ctx, spec))
	ref := must.Get[libvirt.Domain](t)(domainRef(spec.UUID))
	read := func() string {
		t.Helper()
		return must.Get[string](t)(rpc.Ask(ctx, h.Client, "reading", "test", func(l *libvirt.Libvirt) (string, error) {
			return l.DomainGetXMLDesc(ref, libvirt.DomainXMLInactive|libvirt.DomainXMLSecure)
		}))
	}
	theirs := strings.NewReplacer(
		"</metadata>", `<them:note xmlns:them="urn:them">keep</them:note></metadata>`,
		"</devices>", `<graphics type='vnc' autoport='yes' passwd='secret'/></devices>`,
		"<on_crash>destroy</on_crash>", "<on_crash>preserve</on_crash>",
	).Replace(read())
	must.Get[libvirt.Domain](t)(rpc.Tell(ctx, h.Client, "defining", "test",
		func(l *libvirt.Libvirt) (libvirt.Domain, error) {
			return l.DomainDefineXMLFlags(theirs, libvirt.DomainDefineValidate)
		}))
	before := read()

	memory, title := uint64(128), "changed"
	if err := h.RedefineDomain(ctx, spec.UUID, host.DomainChange{
		Title: &title, MemoryMiB: &memory, Metadata: new(string),
	}); err != nil {
		t.Fatal(err)
	}
	after := read()
	for _, kept := range []string{"urn:them", "passwd='secret'", "<on_crash>preserve</on_crash>"} {
		if !strings.Contains(after, kept) {
			t.Errorf("%s was lost", kept)
		}
	}
	var changed []string
	for line := range strings.Lines(before) {
		if !strings.Contains(after, line) {
			changed = append(changed, strings.TrimSpace(line))
		}
	}
	for _, line := range changed {
		if !strings.Contains(line, "emory") && !strings.Contains(line, "itle") && !strings.Contains(line, "n:") {
			t.Errorf("this line changed too: %s", line)
		}
	}
	if d := must.Get[host.Domain](t)(h.Domain(ctx, spec.UUID)); d.Metadata != "" || d.MemoryMiB != 128 ||
		d.Title != "changed" {
		t.Errorf("after the change: %+v", d)
	}

	for _, text := range []string{spec.Metadata, spec.Metadata, "", ""} {
		if err := h.RedefineDomain(ctx, spec.UUID, host.DomainChange{Metadata: &text}); err != nil {
			t.Fatal(err)
		}
		if d := must.Get[host.Domain](t)(h.Domain(ctx, spec.UUID)); !sameMetadata(t, d.Metadata, text) {
			t.Errorf("the metadata are %q, want %q", d.Metadata, text)
		}
	}
	if without := read(); without != after {
		t.Errorf("after metadata were added and removed, the definition is\n%s\nwant\n%s", without, after)
	}
}

func TestDomainIsStartedGrownAndStopped(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	spec := realSpec(t, h, pool, path)
	spec.ConsoleLog = filepath.Join(path, "console.log")
	must.Get[host.Domain](t)(h.DefineDomain(ctx, spec))

	state := func(want host.State) {
		t.Helper()
		if got := must.Get[host.State](t)(h.DomainState(ctx, spec.UUID)); got != want {
			t.Errorf("it is %s, want %s", got, want)
		}
	}
	virttest.WantErr(t, h.ResizeDomainDisk(ctx, spec.UUID, "vda", 16<<20), host.ErrOperationInvalid)
	_, err := h.DomainAddresses(ctx, spec.UUID, host.AddressLease)
	virttest.WantErr(t, err, host.ErrOperationInvalid)
	// The seed is optional once the guest has read it.
	if err := h.DeleteVolume(ctx, pool, "seed"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time, it is running already
		if err := h.StartDomain(ctx, spec.UUID); err != nil {
			t.Fatal(err)
		}
	}
	state(host.StateRunning)
	if err := h.ResizeDomainDisk(ctx, spec.UUID, "vda", 16<<20); err != nil {
		t.Error(err)
	}
	if v := must.Get[host.Volume](t)(h.Volume(ctx, pool, "system")); v.Capacity != 16<<20 {
		t.Errorf("the disk has %d bytes, want %d", v.Capacity, 16<<20)
	}
	if got := must.Get[[]host.Address](t)(h.DomainAddresses(ctx, spec.UUID, host.AddressLease)); len(got) != 0 {
		t.Errorf("a guest without a system has addresses: %+v", got)
	}
	_, err = h.DomainAddresses(ctx, spec.UUID, host.AddressAgent)
	virttest.WantErr(t, err, host.ErrAgentUnresponsive)
	_, err = h.AgentCommand(ctx, spec.UUID, `{"execute":"guest-ping"}`, time.Second)
	virttest.WantErr(t, err, host.ErrAgentUnresponsive)
	virttest.WantErr(t, h.ShutdownDomain(ctx, spec.UUID, host.ShutdownAgent), host.ErrAgentUnresponsive)
	if err := h.ShutdownDomain(ctx, spec.UUID, host.ShutdownACPI); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(spec.ConsoleLog); err != nil {
		t.Error(err)
	}

	all, undescribed, err := h.AllDomains(ctx)
	if err != nil || len(undescribed) > 0 {
		t.Fatal(err, undescribed)
	}
	i := slices.IndexFunc(all, func(d host.Domain) bool { return d.UUID == spec.UUID })
	if i < 0 {
		t.Fatalf("it is not among %d domains", len(all))
	}
	// libvirt leaves out the disks of a busy domain, and the domain may be busy for a moment after the
	// shutdown request.
	var status host.Status
	for deadline := time.Now().Add(time.Minute); status.Sizes[all[i].Disks[0].Target] == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("its disks have %v bytes", status.Sizes)
		}
		status = must.Get[map[string]host.Status](t)(h.Statuses(ctx))[spec.UUID]
	}
	status.Sizes = nil // only Statuses reports sizes
	before := h.Calls()
	if diff := virttest.Differ(all[i], must.Get[host.Domain](t)(h.DomainWith(ctx, spec.UUID, status))); diff != "" ||
		h.Calls()-before != 1 {
		t.Errorf("read with %d requests, want 1; listed and read differ: %s", h.Calls()-before, diff)
	}
	one := must.Get[host.Domain](t)(h.Domain(ctx, spec.UUID))
	if diff := virttest.Differ(all[i], one); diff != "" || one.State != host.StateRunning {
		t.Errorf("listed and read differ, or it is not running: %s", diff)
	}
	for range 2 {
		if err := h.DestroyDomain(ctx, spec.UUID); err != nil {
			t.Fatal(err)
		}
	}
	state(host.StateShutoff)
	for _, mode := range []host.ShutdownMode{host.ShutdownACPI, host.ShutdownAgent} {
		if err := h.ShutdownDomain(ctx, spec.UUID, mode); err != nil {
			t.Error(err)
		}
	}
}

func TestManyDefineTheSameDomain(t *testing.T) {
	h, pool, path := realPool(t)
	spec := realSpec(t, h, pool, path)
	spec.UUID = ""
	var mu sync.Mutex
	var winners, losers int
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := h.DefineDomain(t.Context(), spec)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				winners++
			case errors.Is(err, host.ErrExists):
				losers++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if winners != 1 || losers != 7 {
		t.Errorf("%d winners and %d losers, want 1 and 7", winners, losers)
	}
}

func TestBadDomainsAreRefused(t *testing.T) {
	h := realHost(t)
	for name, spec := range map[string]host.DomainSpec{
		"no cores":      {Name: "x", Type: "qemu", Sockets: 1},
		"bad disk name": {Name: "x", Type: "qemu", Sockets: 1, Cores: 1, Disks: []host.DiskSpec{{Name: "a b"}}},
		"two networks": {
			Name:       "x",
			Type:       "qemu",
			Sockets:    1,
			Cores:      1,
			Interfaces: []host.InterfaceSpec{{Name: "a", Network: "n", Bridge: "b"}},
		},
		"bad metadata": {Name: "x", Type: "qemu", Sockets: 1, Cores: 1, Metadata: "<a/>"},
		"bad UUID":     {Name: "x", UUID: "x", Type: "qemu", Sockets: 1, Cores: 1, MemoryMiB: 64},
		"bad type":     {Name: "x", Type: "nonsense", Sockets: 1, Cores: 1, MemoryMiB: 64},
	} {
		if _, err := h.DefineDomain(t.Context(), spec); !errors.As(err, new(*host.Error)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
