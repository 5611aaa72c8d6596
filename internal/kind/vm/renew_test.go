package vm

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

func testNIC(name, mac string, change ...func(*profile.NIC)) profile.NIC {
	n := profile.NIC{Name: name, Model: "virtio", Network: "default", MAC: mac, IP: profile.Addressing{DHCP: true}}
	for _, c := range change {
		c(&n)
	}
	return n
}

// A new system disk's seed tells the guest of all its cards, also of a new one, and of one that was
// removed by other means and comes back.
func TestASeedKnowsTheAddressesOfAllCards(t *testing.T) {
	i := kind.Instance{NICs: []profile.NIC{testNIC("eth0", "52:54:00:00:00:0a")}}
	i.Facts.MACs = []metadata.MACNote{{Interface: "eth0", MAC: "52:54:00:00:00:01"},
		{Interface: "eth3", MAC: "52:54:00:00:00:0d"}}
	got := kind.WithMACs([]profile.NIC{testNIC("eth0", ""), testNIC("eth1", ""), testNIC("eth2", "52:54:00:00:00:0c"),
		testNIC("eth3", "")}, i)
	if got[0].MAC != i.NICs[0].MAC || len(got[1].MAC) != 17 || got[2].MAC != "52:54:00:00:00:0c" ||
		got[3].MAC != "52:54:00:00:00:0d" {
		t.Errorf("the cards are %+v", got)
	}
}

// renewed are the stages of another system disk for an instance, run up to one of them.
func (r *rig) renewed(i kind.Instance, last int) *kind.Build {
	r.Helper()
	b := r.build(func(q *kind.Request, _ *kind.Blueprint) { q.Version = "2.0.0" })
	b.UUID = i.UUID
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	for _, s := range r.driver.Renew(b, i)[:last] {
		r.ok(b.Do(ctx, s.Name, s.Do))
	}
	return b
}

// After any last stage, the undo leaves the instance as it was.
func TestARenewalIsUndoneAfterEachStage(t *testing.T) {
	for last := range 4 {
		r := newRig(t)
		_, i := r.made(nil)
		before, err := r.VolumeNames(t.Context(), "lib")
		r.ok(err)
		b := r.renewed(i, last)
		if err := b.End(t.Context(), errors.New("no")); err.Error() != "no" {
			t.Errorf("after stage %d: %v", last, err)
		}
		after, err := r.VolumeNames(t.Context(), "lib")
		r.ok(err)
		slices.Sort(before)
		if slices.Sort(after); !slices.Equal(before, after) {
			t.Errorf("after stage %d there are %q, want %q", last, after, before)
		}
		if now := r.read(i.UUID); !now.Healthy() || now.Disks[0].Path != i.Disks[0].Path {
			t.Errorf("after stage %d it is %s on %s", last, now.State, now.Disks[0].Path)
		}
	}
}

// A dead try has left its disk, under the name that the next try uses.
func TestARenewalRemovesWhatAnEarlierTryHasLeft(t *testing.T) {
	r := newRig(t)
	_, i := r.made(nil)
	r.renewed(i, 1)
	b := r.renewed(r.read(i.UUID), 3)
	r.ok(r.driver.Swap(t.Context(), b, b.Metadata))
	if now := r.read(i.UUID); now.Disks[0].Path != "/lib/nova.disk.t1.web.system.2.0.0.qcow2" {
		t.Errorf("it is on %s", now.Disks[0].Path)
	}
}

// Only disks that a renewal has replaced are removed: never those of a user's snapshot, nor data
// disks.
func TestOnlyReplacedSystemDisksAreCleaned(t *testing.T) {
	r := newRig(t)
	_, i := r.made(nil)
	b := r.renewed(i, 3)
	r.ok(r.driver.Swap(t.Context(), b, b.Metadata))
	for _, name := range []string{
		"nova.disk.t1.web.system.0.9.0.qcow2", "nova.disk.t1.web.systemd.qcow2", "nova.disk.t1.web-2.system.qcow2",
	} {
		_, err := r.CreateVolume(t.Context(), "lib", host.VolumeSpec{Name: name, Format: "qcow2", Capacity: 1})
		r.ok(err)
	}
	snapshot := r.read(i.UUID)
	snapshot.Disks[0].Path = "/lib/snapshot.qcow2"
	for _, none := range []kind.Instance{snapshot, {}} {
		made := r.calls(func() { r.ok(r.driver.Clean(t.Context(), none)) })
		if len(made) > 0 {
			t.Errorf("of %+v it asks for %q", none.Disks, made)
		}
	}
	r.ok(r.driver.Clean(t.Context(), r.read(i.UUID)))
	left, err := r.VolumeNames(t.Context(), "lib")
	r.ok(err)
	slices.Sort(left)
	want := []string{"image", "nova.console.t1.web.log", "nova.disk.t1.web-2.system.qcow2",
		"nova.disk.t1.web.system.2.0.0.qcow2", "nova.disk.t1.web.systemd.qcow2", seedVolume}
	if !slices.Equal(left, want) {
		t.Errorf("there are left %q, want %q", left, want)
	}
}

// What a guest had in memory belongs to its old disk. After a lost answer it is not known whether
// the definition has the new one.
func TestASwapTellsWhetherItMayBeDone(t *testing.T) {
	for name, c := range map[string]struct {
		fault fakehost.Fault
		times int
		err   error
		maybe bool
	}{
		"done":           {fakehost.Fault{}, 0, nil, false},
		"refused":        {fakehost.Fault{Before: host.ErrOperationInvalid}, 1, host.ErrOperationInvalid, false},
		"lost once":      {fakehost.Fault{After: host.ErrNoAnswer}, 1, nil, false},
		"lost for ever":  {fakehost.Fault{Before: host.ErrNoAnswer}, 2, host.ErrNoAnswer, true},
		"refused, later": {fakehost.Fault{Before: host.ErrUnreachable}, 1, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			_, i := r.made(nil)
			b := r.renewed(i, 3)
			r.Save(i.UUID)
			failed := 0
			r.Inject = func(call fakehost.Call) fakehost.Fault {
				if call.Method != "RedefineDomain" || failed == c.times {
					return fakehost.Fault{}
				}
				failed++
				return c.fault
			}
			err := r.driver.Swap(t.Context(), b, b.Metadata)
			if !errors.Is(err, c.err) || step.MayBeDone(err) != c.maybe || failed != c.times {
				t.Errorf("after %d failures: %v, may be done: %t", failed, err, step.MayBeDone(err))
			}
			r.Inject = nil
			if saved, err := r.HasSavedState(t.Context(), i.UUID); saved || err != nil {
				t.Errorf("it would go on with the memory of its old disk: %t, %v", saved, err)
			}
		})
	}
}
