package device

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
)

const (
	machineID = "00000000-0000-4000-8000-000000000009"
	oldMAC    = "52:54:00:00:00:01"
)

// machine has a system disk, a data disk and an interface.
type machine struct {
	*testing.T
	*fakehost.Host
	*Changer
	instance kind.Instance
}

func newMachine(t *testing.T, runs bool) *machine {
	t.Helper()
	m := &machine{T: t, Host: fakehost.New()}
	ctx := t.Context()
	_, err := m.CreateDirPool(ctx, "lib", "/lib")
	m.ok(err)
	m.Changer = NewChanger(m.Host, volumes.New(m.Host, inventory.New(m.Host), "lib", nil))
	var disks []host.DiskSpec
	for n, name := range []string{"system", "data"} {
		v, err := m.CreateVolume(ctx, "lib", host.VolumeSpec{Name: "nova.disk.t1.web." + name + ".qcow2",
			Format:   "qcow2",
			Capacity: 1 << 30})
		m.ok(err)
		disks = append(disks, Spec(profile.Drive{Name: name}, n, v.Path, "qcow2"))
	}
	_, err = m.DefineDomain(ctx, host.DomainSpec{
		Name: "t1.web", UUID: machineID, Disks: disks, Interfaces: InterfaceSpecs([]profile.NIC{nicOf("eth0", oldMAC)}),
	})
	m.ok(err)
	if runs {
		m.ok(m.StartDomain(ctx, machineID))
	}
	m.instance = kind.Instance{UUID: machineID, NICs: []profile.NIC{nicOf("eth0", oldMAC)}}
	m.instance.Facts.Tenant, m.instance.Facts.Name = "t1", "web"
	return m
}

func (m *machine) ok(err error) {
	m.Helper()
	if err != nil {
		m.Fatal(err)
	}
}

func nicOf(name, mac string) profile.NIC {
	return profile.NIC{Name: name, Model: "virtio", Network: "default", MAC: mac, IP: profile.Addressing{DHCP: true}}
}

func newDisk(name string) kind.NewDisk {
	return kind.NewDisk{
		Spec: Spec(profile.Drive{Name: name}, 2, "/lib/nova.disk.t1.web."+name+".qcow2",
			DataFormat), Pool: "lib", Size: 1 << 30,
	}
}

// devices are what definition and guest have, each as "disks; interfaces".
func (m *machine) devices() (defined, live string) {
	m.Helper()
	say := func(disks []host.DomainDisk, nics []host.DomainInterface) string {
		var names []string
		for _, d := range disks {
			names = append(names, d.Name)
		}
		for _, n := range nics {
			names = append(names, n.Name+"@"+n.Network+n.Bridge)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	ctx := context.WithoutCancel(m.Context())
	d, err := m.Domain(ctx, machineID)
	m.ok(err)
	h, err := m.Hardware(ctx, machineID)
	m.ok(err)
	return say(d.Disks, d.Interfaces), say(h.Disks, h.Interfaces)
}

// has expects definition and guest to have the same devices.
func (m *machine) has(want string) {
	m.Helper()
	if defined, live := m.devices(); defined != want || live != want {
		m.Errorf("the definition has %q and the guest %q, want %q", defined, live, want)
	}
}

func (m *machine) volume(name string) bool {
	m.Helper()
	_, err := m.Volume(context.WithoutCancel(m.Context()), "lib", name)
	if err != nil && !errors.Is(err, host.ErrNoVolume) {
		m.Fatal(err)
	}
	return err == nil
}

func TestDevicesChangeInTheGuestAndInTheDefinition(t *testing.T) {
	for _, runs := range []bool{true, false} {
		for name, c := range map[string]struct {
			change kind.Devices
			want   string
		}{
			"nothing":     {kind.Devices{}, "data eth0@default system"},
			"a disk more": {kind.Devices{AddDisks: []kind.NewDisk{newDisk("more")}}, "data eth0@default more system"},
			"a disk less": {kind.Devices{DropDisks: []host.DomainDisk{{Name: "data",
				Path: "/lib/nova.disk.t1.web.data.qcow2"}}}, "eth0@default system"},
			"a card more": {kind.Devices{AddNICs: []profile.NIC{nicOf("eth1", "")}},
				"data eth0@default eth1@default system"},
			"a card less": {kind.Devices{DropNICs: []string{"eth0"}}, "data system"},
			"another": {kind.Devices{Swaps: []profile.NIC{{Name: "eth0", Model: "e1000", Network: "default",
				MAC: oldMAC}}}, "data eth0@default system"},
			"on a bridge": {kind.Devices{Reconnects: []profile.NIC{{Name: "eth0", Model: "virtio", Bridge: "br0",
				MAC: oldMAC}}}, "data eth0@br0 system"},
			"all together": {kind.Devices{AddDisks: []kind.NewDisk{newDisk("more")}, DropNICs: []string{"eth0"},
				AddNICs: []profile.NIC{nicOf("eth1", "")}}, "data eth1@default more system"},
		} {
			m := newMachine(t, runs)
			if err := m.Change(t.Context(), m.instance, c.change); err != nil {
				t.Errorf("%s, running: %t: %v", name, runs, err)
			}
			m.has(c.want)
			if dropped := m.volume("nova.disk.t1.web.data.qcow2"); dropped != strings.Contains(c.want, "data") {
				t.Errorf("%s, running: %t: the data disk's volume is there: %t", name, runs, dropped)
			}
			live, err := m.Hardware(t.Context(), machineID)
			m.ok(err)
			d, err := m.Domain(t.Context(), machineID)
			m.ok(err)
			for n, nic := range d.Interfaces {
				if nic.MAC == "" || nic.MAC != live.Interfaces[n].MAC || nic.Name == "eth0" && nic.MAC != oldMAC {
					t.Errorf("%s, running: %t: %s has %s, and in the guest %s",
						name, runs, nic.Name, nic.MAC, live.Interfaces[n].MAC)
				}
			}
		}
	}
}

// The volume of a disk that cannot be added is removed again, unless the guest or the definition
// may have the disk.
func TestAVolumeThatWasMadeForNothingGoes(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		fault  fakehost.Fault
		stays  bool
	}{
		"the guest refuses it":  {"PlugDisk", fakehost.Fault{Before: host.ErrOperationInvalid}, false},
		"the guest may have it": {"PlugDisk", fakehost.Fault{Before: host.ErrNoAnswer}, true},
		"the guest has it":      {"PlugDisk", fakehost.Fault{After: host.ErrNoAnswer}, true},
		// the guest has it
		"the definition refuses it":       {"RedefineDomain", fakehost.Fault{Before: host.ErrOperationInvalid}, true},
		"the definition may have it":      {"RedefineDomain", fakehost.Fault{Before: host.ErrUnreachable}, true},
		"the volume cannot be made":       {"CreateVolume", fakehost.Fault{Before: host.ErrOperationInvalid}, false},
		"the volume was made, unanswered": {"CreateVolume", fakehost.Fault{After: host.ErrNoAnswer}, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, true)
			m.Inject = func(call fakehost.Call) fakehost.Fault {
				if call.Method == c.method {
					return c.fault
				}
				return fakehost.Fault{}
			}
			err := m.Change(t.Context(), m.instance, kind.Devices{AddDisks: []kind.NewDisk{newDisk("more")}})
			m.Inject = nil
			if err == nil || !strings.Contains(err.Error(), `"more"`) {
				t.Errorf("got %v", err)
			}
			if got := m.volume("nova.disk.t1.web.more.qcow2"); got != c.stays {
				t.Errorf("the volume is there: %t", got)
			}
			// The next change finds what is left to do, in the same way as a plan compares it.
			disk := newDisk("more")
			if m.volume("nova.disk.t1.web.more.qcow2") {
				disk.Has = disk.Size
			}
			m.ok(m.Change(t.Context(), m.instance, kind.Devices{AddDisks: []kind.NewDisk{disk}}))
			m.has("data eth0@default more system")
		})
	}
}

// A disk whose volume exists already keeps its data, and grows to the requested size.
func TestADiskThatIsThereAlreadyGrows(t *testing.T) {
	for _, plugged := range []bool{true, false} {
		m := newMachine(t, true)
		disk := newDisk("more")
		_, err := m.CreateVolume(t.Context(), "lib", host.VolumeSpec{Name: "nova.disk.t1.web.more.qcow2",
			Format:   "qcow2",
			Capacity: 1 << 30})
		m.ok(err)
		if plugged {
			m.ok(m.PlugDisk(t.Context(), machineID, disk.Spec))
		}
		disk.Has, disk.Size = 1<<30, 3<<30
		m.ok(m.Change(t.Context(), m.instance, kind.Devices{AddDisks: []kind.NewDisk{disk}}))
		if v, err := m.Volume(t.Context(), "lib", "nova.disk.t1.web.more.qcow2"); err != nil || v.Capacity != 3<<30 {
			t.Errorf("plugged: %t: it has %d bytes, %v", plugged, v.Capacity, err)
		}
		m.has("data eth0@default more system")
	}
}

// A foreign file in a disk's place is not the instance's to delete.
func TestAForeignFileStays(t *testing.T) {
	m := newMachine(t, false)
	_, err := m.CreateVolume(t.Context(), "lib", host.VolumeSpec{Name: "snapshot.qcow2", Format: "qcow2",
		Capacity: 1 << 30})
	m.ok(err)
	m.ok(m.Change(t.Context(), m.instance, kind.Devices{DropDisks: []host.DomainDisk{{Name: "data",
		Path: "/lib/snapshot.qcow2"}}}))
	if m.has("eth0@default system"); !m.volume("snapshot.qcow2") {
		t.Error("it was deleted")
	}
}

// A card that an earlier change has left in the guest is taken over if it matches the request, and
// replaced if not.
func TestACardThatIsLeftIsTakenOver(t *testing.T) {
	const left = "52:54:00:00:00:02"
	for name, c := range map[string]struct {
		asked profile.NIC
		same  bool
	}{
		"the same":      {nicOf("eth1", ""), true},
		"its address":   {nicOf("eth1", left), true},
		"another":       {nicOf("eth1", "52:54:00:00:00:03"), false},
		"another model": {profile.NIC{Name: "eth1", Model: "e1000", Network: "default"}, false},
	} {
		m := newMachine(t, true)
		m.ok(m.PlugInterface(t.Context(), machineID, InterfaceSpecs([]profile.NIC{nicOf("eth1", left)})[0]))
		m.ok(m.Change(t.Context(), m.instance, kind.Devices{AddNICs: []profile.NIC{c.asked}}))
		m.has("data eth0@default eth1@default system")
		d, err := m.Domain(t.Context(), machineID)
		m.ok(err)
		got := d.Interfaces[slices.IndexFunc(d.Interfaces, func(n host.DomainInterface) bool {
			return n.Name == "eth1"
		})]
		if (got.MAC == left) != c.same || got.Model != c.asked.Model || c.asked.MAC != "" && got.MAC != c.asked.MAC {
			t.Errorf("%s: it is %+v", name, got)
		}
	}
}

// A guest that keeps a device is asked repeatedly, for half of the available time. Nothing of the
// device is deleted.
func TestAGuestThatKeepsADeviceIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, true)
		m.Ignores = true
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		asked, began := 0, time.Now()
		m.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "Unplug" {
				asked++
			}
			return fakehost.Fault{}
		}
		err := m.Change(ctx, m.instance, kind.Devices{
			DropDisks: []host.DomainDisk{{Name: "data", Path: "/lib/nova.disk.t1.web.data.qcow2"}},
			DropNICs:  []string{"eth0"},
		})
		kept, ok := errors.AsType[*UnplugError](err)
		if !ok || len(kept.Devices) != 2 || kept.Instance != "web" || !strings.Contains(err.Error(), "within 1m0s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took < time.Minute || took > 61*time.Second || asked != 2*13 {
			t.Errorf("after %s, asked %d times", took, asked)
		}
		if m.has("data eth0@default system"); !m.volume("nova.disk.t1.web.data.qcow2") {
			t.Error("its volume is gone")
		}
		// The error has what the host said to the first request.
		m.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "Unplug" {
				return fakehost.Fault{Before: host.ErrUnsupported}
			}
			return fakehost.Fault{}
		}
		if err := m.Change(
			ctx, m.instance, kind.Devices{DropNICs: []string{"eth0"}},
		); !errors.Is(err, host.ErrUnsupported) {
			t.Errorf("refused: %v", err)
		}
	})
}

func TestACancelEndsTheWaitForADevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, true)
		m.Ignores = true
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := m.Change(
			ctx, m.instance, kind.Devices{DropNICs: []string{"eth0"}},
		); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		m.has("data eth0@default system")
	})
}

// The filter of an interface knows the addresses that its guest was given.
func TestAFilterLetsTheStaticAddressesPass(t *testing.T) {
	fixed := (&profile.IPConfiguration{StaticIP: new("10.0.0.5/24")}).Addressing()
	six := (&profile.IPConfiguration{StaticIP: new("2001:db8::5/64")}).Addressing()
	specs := InterfaceSpecs([]profile.NIC{
		{Name: "a", Filter: "clean-traffic", IP: fixed}, {Name: "b", IP: fixed}, {Name: "c", Filter: "clean-traffic",
			IP: six, VLAN: 7},
	})
	for n, want := range [][]string{{"10.0.0.5"}, nil, nil} {
		if got := specs[n].FilterIPs; !slices.Equal(got, want) {
			t.Errorf("%s lets %q pass, want %q", specs[n].Name, got, want)
		}
	}
	if specs[2].VLAN != 7 || specs[2].Filter != "clean-traffic" {
		t.Errorf("it is %+v", specs[2])
	}
}

func TestATypeOfDiskIsToldByItsRotation(t *testing.T) {
	for _, want := range []string{"", profile.SSD, profile.HDD} {
		spec := Spec(profile.Drive{Name: "d", Type: want}, 1, "/p", "raw")
		got := Type(host.DomainDisk{Rotation: spec.Rotation})
		if got != want || spec.KeepsDiscarded != (want == profile.HDD) ||
			strings.HasPrefix(spec.Target, "sd") != (want != "") {
			t.Errorf("%q is %+v, and reads as %q", want, spec, got)
		}
	}
	if got := Type(host.DomainDisk{Rotation: 5400}); got != profile.HDD {
		t.Errorf("a slower one is %q", got)
	}
}
