package kind

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// able is a driver that is only asked for its capabilities.
type able struct {
	Driver
	can Capabilities
}

func (a able) Type() string               { return "box" }
func (a able) Capabilities() Capabilities { return a.can }

func TestWhatAKindCannotDoIsRefusedWhereItIsAsked(t *testing.T) {
	all := Request{
		Customization: &guest.Customization{Timezone: "UTC"}, Options: Options{WaitFor: []string{WaitIP, WaitAgent,
			WaitCloudInit}},
	}
	spec := catalog.Spec{VM: catalog.VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\n"}}}
	for name, c := range map[string]struct {
		can  Capabilities
		want []string
	}{
		"all":      {Capabilities{Seed: true, Agent: true}, nil},
		"no agent": {Capabilities{Seed: true}, []string{"wait_for"}},
		"no seed":  {Capabilities{Agent: true}, []string{"template_id", "customization", "wait_for"}},
		"neither":  {Capabilities{}, []string{"template_id", "customization", "wait_for", "wait_for"}},
	} {
		var at []string
		for _, f := range Unsupported(able{can: c.can}, all, spec) {
			at = append(at, f.Path.String())
			if !strings.Contains(f.Detail, `"box"`) {
				t.Errorf("%s: it does not name the type: %s", name, f.Detail)
			}
		}
		if !slices.Equal(at, c.want) {
			t.Errorf("%s: refused at %q, want %q", name, at, c.want)
		}
		if plain := Unsupported(
			able{can: c.can}, Request{Options: Options{WaitFor: []string{WaitIP}}}, catalog.Spec{},
		); len(plain) > 0 {
			t.Errorf("%s: a plain request is refused: %v", name, plain)
		}
	}
}

// A guest whose devices change only while it is off has to be restarted for each of them.
func TestWithoutHotPlugDevicesNeedARestart(t *testing.T) {
	nic := func(name string) []profile.NIC { return []profile.NIC{{Name: name}} }
	d := Diff{
		Grows: []Growth{{Disk: host.DomainDisk{Name: "grown"}}},
		Devices: Devices{
			AddDisks: []NewDisk{{Spec: host.DiskSpec{Name: "new"}}}, DropDisks: []host.DomainDisk{{Name: "old"}},
			AddNICs: nic("a"), Reconnects: nic("b"), Swaps: nic("c"), DropNICs: []string{"d"},
		},
	}
	if d.Restart() || d.Devices.None() {
		t.Errorf("it needs a restart already: %t, or changes nothing: %t", d.Restart(), d.Devices.None())
	}
	d.WithoutHotPlug(false)
	var at []string
	for _, r := range d.Restarts {
		at = append(at, r.At.String())
	}
	slices.Sort(at)
	var want []string
	for _, name := range []string{"a", "b", "c", "d"} {
		want = append(want, fmt.Sprintf("network_profile.interfaces[%q]", name))
	}
	for _, name := range []string{"grown", "new", "old"} {
		want = append(want, fmt.Sprintf("storage_profile.disks[%q]", name))
	}
	if !slices.Equal(at, want) || !d.Restart() {
		t.Errorf("restarted for %q, want %q", at, want)
	}
	var nothing Diff
	if nothing.WithoutHotPlug(false); nothing.Restart() {
		t.Error("nothing needs a restart")
	}
}

type part struct {
	told    string
	reports bool
}

func (p part) Told() string  { return p.told }
func (p part) Reports() bool { return p.reports }

func (part) Note(*metadata.Facts) {}

func TestABlueprintTellsWhatMetadataKeepOfTheFirstBoot(t *testing.T) {
	for _, c := range []struct {
		b       Blueprint
		started bool
		want    metadata.Customized
	}{
		{Blueprint{}, true, metadata.Customized{}},
		{Blueprint{}, false, metadata.Customized{}},
		{Blueprint{Part: part{"sha256:x", true}}, true, metadata.Customized{Digest: "sha256:x"}},
		{Blueprint{Part: part{"sha256:x", true}}, false, metadata.Customized{Digest: "sha256:x", Pending: true}},
		{Blueprint{Part: part{"sha256:x", false}}, false, metadata.Customized{Digest: "sha256:x"}},
	} {
		if got := c.b.Customized(c.started); got != c.want {
			t.Errorf("of %+v, started: %t, it is noted %+v", c.b.Part, c.started, got)
		}
	}
	value := &parameter.Value{Type: "string", Text: "x"}
	if b := (Blueprint{Parameters: parameter.Values{"a": value}}); !b.Secret() {
		t.Error("a parameter that is not shown is no secret")
	}
	if b := (Blueprint{Parameters: parameter.Values{"a": value}, Shown: parameter.Values{"a": value}}); b.Secret() {
		t.Error("a parameter that is shown is a secret")
	}
}

func TestAnInstanceKnowsWhatItDoes(t *testing.T) {
	for state, want := range map[host.State][2]bool{
		host.StateRunning: {true, true}, host.StatePaused: {true, false}, host.StateShuttingDown: {true, false},
		host.StateShutoff: {false, false}, host.StateCrashed: {false, false}, host.StatePMSuspended: {true, false},
	} {
		i := Instance{State: state}
		if got := [2]bool{i.Running(), i.Healthy()}; got != want {
			t.Errorf("%s: running and healthy are %v, want %v", state, got, want)
		}
	}
	i := Instance{NICs: []profile.NIC{{Name: "eth0", MAC: "a"}, {MAC: "somebody else's"}}, DomainName: "t1.web"}
	if macs := i.MACs(); len(macs) != 1 || macs["eth0"] != "a" {
		t.Errorf("its MAC addresses are %v", macs)
	}
	i.Facts.Tenant, i.Facts.Name = "t1", "web"
	if i.Renamed() {
		t.Error("it has its own name")
	}
	if i.DomainName = "web"; !i.Renamed() {
		t.Error("it has another tenant's name")
	}
}

func TestDriftIsSeenByShapeAndBySize(t *testing.T) {
	left := Instance{
		Shape: "a", Disks: []host.DomainDisk{{Name: "data", Target: "vdb"}}, Sizes: map[string]uint64{"vdb": 1 << 30},
		Facts: metadata.Facts{Shape: "a", Sizes: []metadata.DiskSize{{Disk: "data", Bytes: 1 << 30},
			{Disk: "dropped", Bytes: 1}}},
	}
	if left.Drifted() {
		t.Error("what nobody touched has drifted")
	}
	for name, change := range map[string]func(*Instance){
		"a shape": func(i *Instance) { i.Shape = "b" },
		"a size":  func(i *Instance) { i.Sizes = map[string]uint64{"vdb": 2 << 30} },
	} {
		i := left
		if change(&i); !i.Drifted() {
			t.Errorf("%s: not seen", name)
		}
		if i.Facts.Shape = ""; i.Drifted() {
			t.Errorf("%s: an instance that is being made has drifted", name)
		}
	}
	i := left
	if i.Sizes = nil; i.Drifted() {
		t.Error("sizes that were not read have drifted")
	}
	if size, known := left.Size("data"); size != 1<<30 || !known {
		t.Errorf("it has %d bytes, known: %t", size, known)
	}
	if _, known := left.Size("other"); known {
		t.Error("a disk that is not there has a size")
	}
}

// Random addresses are chosen once. Addresses that were asked for may have been another guest's.
func TestMACsAreChosenWhereNoneIsAskedFor(t *testing.T) {
	b := Build{
		Blueprint: Blueprint{NICs: []profile.NIC{{Name: "a"}, {Name: "b", MAC: "52:54:00:00:00:01"}, {Name: "c"}}},
	}
	b.ChooseMACs()
	form := regexp.MustCompile(`^52:54:00(:[0-9a-f]{2}){3}$`)
	seen := map[string]bool{}
	for _, nic := range b.Blueprint.NICs {
		if !form.MatchString(nic.MAC) || seen[nic.MAC] {
			t.Errorf("the addresses are %+v", b.Blueprint.NICs)
		}
		seen[nic.MAC] = true
	}
	if got := b.Configured(); len(got) != 1 || got[0].Name != "b" {
		t.Errorf("configured are %+v", got)
	}
	if a, b := RandomUUID(), RandomUUID(); a == b ||
		!regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(a) {
		t.Errorf("UUIDs are %s and %s", a, b)
	}
}

func TestThePoolsOfABuildAreNamedOnce(t *testing.T) {
	pool := func(name string) host.Pool { return host.Pool{Name: name} }
	b := Build{Pool: pool("lib"), Homes: []host.Pool{pool("lib"), pool("fast"), pool("fast"), pool("bulk")}}
	if got := b.Pools(); !slices.Equal(got, []string{"lib", "fast", "bulk"}) {
		t.Errorf("they are %q", got)
	}
}

type quoting struct{}

func (quoting) Error() string { return "it said: password" }
func (quoting) Kept() string  { return "it said something" }

func TestWhatAGuestSaidIsNotKept(t *testing.T) {
	for err, want := range map[error]string{
		errors.New("other"):                         "other",
		quoting{}:                                   "it said something",
		fmt.Errorf("step ready: %w", quoting{}):     "it said something",
		errors.Join(errors.New("first"), quoting{}): "it said something",
	} {
		if got := Kept(err); got != want {
			t.Errorf("of %q there is kept %q, want %q", err, got, want)
		}
	}
}

func TestSharesAddUp(t *testing.T) {
	shares := []Share{{finding.At("a"), "a", 1}, {finding.At("b"), "b", 3 << 20}, {finding.At("c"), "c", 2}}
	if got := Largest(shares); got.What != "b" || Sum(shares) != 3<<20+3 || MiB(got.Size) != "3.00 MiB" {
		t.Errorf("the largest is %+v of %d, %s", got, Sum(shares), MiB(got.Size))
	}
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Pause(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("it took %s, %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if half := HalfTime(ctx); half != 30*time.Second {
			t.Errorf("half of a minute is %s", half)
		}
		if err := Pause(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if half := HalfTime(t.Context()); half != time.Minute {
			t.Errorf("without a deadline it is %s", half)
		}
	})
}

func TestAReportIsAwaitedUnlessNobodyWaits(t *testing.T) {
	for conditions, want := range map[string]bool{
		"": false, WaitIP: true, WaitIP + " " + NoReport: false, NoReport: false,
	} {
		if got := AwaitsReport(strings.Fields(conditions)); got != want {
			t.Errorf("for %q: %t", conditions, got)
		}
	}
	if len(Conditions()) != 7 {
		t.Errorf("there are %q", Conditions())
	}
}
