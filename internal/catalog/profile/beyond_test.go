package profile

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// For any profile laid over any version, what the instance has beyond its version yields the same
// instance.
func TestBeyondMakesTheSame(t *testing.T) {
	r := &profiles{rand.New(rand.NewPCG(1, 2))}
	tried := map[string]int{}
	for range 5000 {
		base, over := r.hardware(), r.hardware()
		machine := over.Over(base).Machine()
		if again := machine.Beyond(base).Over(base).Machine(); again != machine {
			t.Fatalf("%+v is %+v over %s, and came to %+v", machine, inJSON(over), inJSON(base), again)
		}
		tried["hardware"]++

		below, above := r.network(), r.network()
		if merged := above.Over(below); len(below.Validate())+len(merged.Validate())+len(merged.Missing()) == 0 {
			nics := merged.NICs()
			for i := range nics { // if the version leaves the address to chance, nothing shows whether the instance did
				if below == nil || below.Interfaces[nics[i].Name].MAC == nil {
					nics[i].MAC = ""
				}
			}
			if again := NetworkBeyond(nics, below).Over(below).NICs(); !reflect.DeepEqual(again, nics) {
				t.Fatalf("%+v is %s over %s, and came to %+v", nics, inJSON(above), inJSON(below), again)
			}
			tried["network"]++
		}

		under, upon := r.storage(), r.storage()
		if merged := upon.Over(under); len(under.Validate())+len(merged.Validate()) == 0 {
			drives := sized(merged.Drives())
			beyond := StorageBeyond(drives, under, 2*gib)
			whole := beyond.Over(under)
			if again := sized(whole.Drives()); len(whole.Validate()) > 0 || !slices.Equal(again, drives) {
				t.Fatalf("%+v is %s over %s, and came to %+v by %s: %v",
					drives, inJSON(upon), inJSON(under), again, inJSON(beyond), whole.Validate())
			}
			tried["storage"]++
		}
	}
	for _, kind := range []string{"hardware", "network", "storage"} {
		if tried[kind] < 300 {
			t.Errorf("only %d of these made sense: %s", tried[kind], kind)
		}
	}
}

// Values that equal the version's are left out.
func TestNothingBeyondIsNoProfile(t *testing.T) {
	r := &profiles{rand.New(rand.NewPCG(3, 4))}
	for range 2000 {
		h, n, s := r.hardware(), r.network(), r.storage()
		if beyond := h.Machine().Beyond(h); beyond != nil {
			t.Fatalf("beyond %s itself is %s", inJSON(h), inJSON(beyond))
		}
		if beyond := NetworkBeyond(n.NICs(), n); len(n.Validate()) == 0 && beyond != nil {
			t.Fatalf("beyond %s itself is %s", inJSON(n), inJSON(beyond))
		}
		if len(s.Validate()) > 0 {
			continue
		}
		if beyond := StorageBeyond(sized(s.Drives()), s, 2*gib); beyond != nil {
			t.Fatalf("beyond %s itself is %s", inJSON(s), inJSON(beyond))
		}
	}
}

// A host can have things that no profile can express. They are left out, and the rest is reported.
func TestWhatNoProfileSaysIsLeftOut(t *testing.T) {
	odd := StorageBeyond([]Drive{
		{Name: "system", Size: 2 * gib, System: true, Boot: true},
		{Name: "a", Size: gib * 3 / 2},
		{Name: "b", Size: gib / 2},
	}, nil, 2*gib)
	if want := map[string]Disk{"a": {SizeGB: new(int64(1))}, "b": {}}; !reflect.DeepEqual(odd.Disks, want) {
		t.Errorf("disks of broken sizes are %s, want %s", inJSON(odd), inJSON(want))
	}
	base := &Network{Interfaces: map[string]Interface{"eth0": {VLAN: new(int64(5))}, "eth1": {}}}
	if n := NetworkBeyond([]NIC{
		{Name: "eth0", Model: "virtio", Network: "default", IP: Addressing{DHCP: true}},
		{Model: "e1000"},
	}, base); n != nil {
		t.Errorf("an interface less, a tag less and a stranger are %s", inJSON(n))
	}
	if s := StorageBeyond([]Drive{{Name: "system", Size: 2 * gib, System: true}}, nil, 2*gib); s != nil {
		t.Errorf("a machine that starts from nothing is %s", inJSON(s))
	}
}

// inJSON shows a profile in full: its pointers are to values.
func inJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// sized gives a system disk without a size the size of the image, as a blueprint does.
func sized(drives []Drive) []Drive {
	if drives[0].Size == 0 {
		drives[0].Size = 2 * gib
	}
	return drives
}

// profiles generates profiles of all kinds.
type profiles struct{ *rand.Rand }

// maybe is one of some values, or none.
func maybe[T any](r *profiles, values ...T) *T {
	n := r.IntN(2 * len(values))
	if n >= len(values) {
		return nil
	}
	return &values[n]
}

func (r *profiles) hardware() *Hardware {
	if r.IntN(5) == 0 {
		return nil
	}
	return &Hardware{
		CPUCount: maybe(r, int64(1), 2),
		CPUCores: maybe(r, int64(1), 2),
		CPUType:  maybe(r, "host-model", "Nehalem"),
		MemoryMB: maybe(r, int64(512), 1024),
		Firmware: maybe(r, BIOS, EFI),
		GPUCount: maybe(r, int64(0), 1),
		GPUType:  maybe(r, "10DE:1eb8", "10de:1eb9"),
	}
}

func (r *profiles) network() *Network {
	if r.IntN(5) == 0 {
		return nil
	}
	n := &Network{}
	switch r.IntN(4) {
	case 0:
		n.Policies = []string{}
	case 1:
		n.Policies = []string{"clean-traffic"}
	}
	if r.IntN(5) == 0 {
		return n
	}
	n.Interfaces = map[string]Interface{}
	for _, name := range []string{"eth0", "eth1", "eth2"}[:r.IntN(4)] {
		i := Interface{
			Model: maybe(r, "virtio", "e1000"), VLAN: maybe(r, int64(7), 8),
			MAC: maybe(r, "52:54:00:00:00:0"+name[3:], "52:54:00:00:01:0"+name[3:]),
		}
		if r.IntN(2) == 0 {
			i.Bridge = maybe(r, "br0", "br1")
		} else {
			i.Network = maybe(r, "default", "other")
		}
		if r.IntN(2) == 0 {
			i.IP = &IPConfiguration{
				DHCP: maybe(r, false, true), StaticIP: maybe(r, "10.0.0.1"+name[3:]+"/24", "10.0.0.2"+name[3:]+"/24"),
				Gateway: maybe(r, "10.0.0.1"),
			}
			if r.IntN(3) == 0 {
				i.IP.StaticIP, i.IP.StaticIPs = nil, [][]string{
					{},
					{"10.0.0.3" + name[3:] + "/24", "2001:db8::" + name[3:] + "/64"},
					{"2001:db8::1" + name[3:] + "/128"},
				}[r.IntN(3)]
			}
			if r.IntN(3) == 0 {
				i.IP.Gateway, i.IP.Gateways = nil, [][]string{{}, {"10.0.0.1", "fe80::1"}, {"2001:db8:f::1"}}[r.IntN(3)]
				i.IP.OnLink = maybe(r, true, false)
			}
			if r.IntN(2) == 0 {
				i.IP.DNS = [][]string{{}, {"10.0.0.1"}, {"10.0.0.2", "10.0.0.1"}}[r.IntN(3)]
			}
		}
		n.Interfaces[name] = i
	}
	return n
}

func (r *profiles) storage() *Storage {
	if r.IntN(5) == 0 {
		return nil
	}
	if r.IntN(5) == 0 {
		return &Storage{}
	}
	s := &Storage{Disks: map[string]Disk{}}
	for _, name := range []string{"system", "root", "data", "logs"} {
		if r.IntN(2) == 0 {
			s.Disks[name] = Disk{
				SizeGB: maybe(r, int64(2), 4),
				Type:   maybe(r, SSD, HDD),
				Tier:   maybe(r, "fast", "slow"),
				Boot:   maybe(r, true, false),
				System: maybe(r, true, false),
			}
		}
	}
	return s
}

func TestSizesOfDisks(t *testing.T) {
	for bytes, want := range map[uint64]int64{
		0:             0,
		1:             0,
		gib / 2:       0,
		gib - 1:       1,
		gib:           1,
		gib + 1:       1,
		gib + 4<<20:   1,
		2*gib - 4<<20: 1,
		2 * gib:       2,
	} {
		if got := WholeGiB(bytes); got != want {
			t.Errorf("%d bytes are %d GiB, want %d", bytes, got, want)
		}
	}
}

// No interface is written that looks as if its attributes were misspelt.
func TestNoInterfaceBeyondIsEmpty(t *testing.T) {
	nic := NIC{
		Name: DefaultInterface, Model: DefaultInterfaceModel, Network: DefaultNetwork, IP: Addressing{DHCP: true},
	}
	second, bridged := nic, nic
	second.Name, bridged.Name = "eth1", "eth2"
	bridged.Network, bridged.Bridge = "", "br0"
	for _, base := range []*Network{nil, {}, {Interfaces: map[string]Interface{DefaultInterface: {}}}} {
		beyond := NetworkBeyond([]NIC{nic, second, bridged}, base)
		for name, i := range beyond.Interfaces {
			if i == (Interface{}) {
				t.Errorf("over %v, nothing of %s is set", base, name)
			}
		}
		if len(beyond.Interfaces) < 2 {
			t.Errorf("over %v: %v", base, beyond.Interfaces)
		}
	}
}
