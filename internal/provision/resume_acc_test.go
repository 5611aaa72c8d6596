package provision

import (
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/readiness"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// ownFacts prints what each guest must have of its own, one a line.
const ownFacts = `
head -c 16 /dev/urandom | od -An -tx1
cat /proc/sys/kernel/random/uuid /etc/machine-id /sys/class/net/eth0/address
cat /etc/hostname
hostname
`

// Guests that are resumed at once from one snapshot have nothing in common that identifies them, and
// no random numbers.
func TestAccResumedGuestsAreUnique(t *testing.T) {
	site := acctest.RequireHost(t)
	image := acctest.TinyImage(t)
	t.Parallel()
	const guests = 8
	pool, directory := site.Pool(t, "resume-"+strings.ToLower(rand.Text()[:8]))
	s := stressed{URI: site.URI, Pool: pool}
	l, p, done := s.open()
	t.Cleanup(done)
	ctx := t.Context()
	mib := int64(128)
	must.Get[catalog.Template](t)(l.CreateTemplate(ctx, catalog.Template{
		ID: stressTemplate, Type: catalog.TypeVM, Spec: catalog.Spec{Hardware: &profile.Hardware{MemoryMB: &mib}},
	}))
	v := must.Get[catalog.Version](t)(l.RegisterVersion(ctx, library.VersionRequest{
		ID: stressTemplate.Version("1.0.0"), Source: file.Source{Path: image},
		VersionSettings: library.VersionSettings{Warm: &catalog.Warm{}},
	}))
	snapshot := must.Get[Snapshot](t)(p.Warm(ctx, v))
	if snapshot.State != catalog.SnapshotReady || snapshot.Unusable != "" || snapshot.MemorySize == 0 ||
		!strings.HasPrefix(snapshot.Machine, "pc-") {
		t.Fatalf("the snapshot is %+v", snapshot)
	}
	var group errgroup.Group
	made, facts := make([]kind.Instance, guests), make([][]string, guests)
	for n := range guests {
		group.Go(func() error {
			i, record, err := p.Create(ctx, kind.Request{
				Name: fmt.Sprintf("%s-%d", pool, n), Template: stressTemplate, Version: "1.0.0",
				Strategy: "instantiate", OnNoWarm: kind.NoWarmFail,
				Options: kind.Options{Running: true, WaitFor: []string{kind.WaitIP, kind.WaitAgent}},
			}, func(kind.Instance, Record) {})
			if err != nil {
				return err
			}
			made[n] = i
			result, err := readiness.AgentOf(p.host, i.UUID).Script(ctx, ownFacts)
			if err != nil || result.ExitCode != 0 {
				return fmt.Errorf("guest %d: %+v, %w; the record is %+v", n, result, err, record)
			}
			facts[n] = append(strings.Fields(strings.ReplaceAll(result.Stdout, " ", "")), i.Addresses[0].String())
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for n, of := range facts {
		if len(of) != 7 || of[2] != strings.ReplaceAll(made[n].UUID, "-", "") || of[3] != made[n].NICs[0].MAC ||
			of[4] != made[n].Facts.Name || of[5] != of[4] {
			t.Errorf("guest %d has %q", n, of)
		}
		for _, fact := range append(of[:5:5], of[6]) {
			if other, twice := seen[fact]; twice {
				t.Errorf("guests %d and %d both have %q", other, n, fact)
			}
			seen[fact] = n
		}
	}
	// What is damaged on the host makes the guest boot.
	file := func(name string) string { return site.HostPath(directory + "/" + name) }
	memory := file(naming.WarmMemory(snapshot.Stem))
	if info := must.Get[os.FileInfo](t)(os.Stat(memory)); info.Mode().Perm() != 0o600 {
		t.Errorf("the memory has the mode %s", info.Mode())
	}
	var booted []kind.Instance
	for _, damage := range []struct {
		how string
		do  func() error
	}{
		{"cut", func() error { return os.Truncate(memory, snapshot.MemorySize/2) }},
		{"torn", func() error { return os.Truncate(memory, 1000) }},
		{"gone", func() error { return os.Remove(memory) }},
	} {
		if err := damage.do(); err != nil {
			t.Fatal(err)
		}
		_, fresh, done := s.open() // another process, which has not read the memory
		t.Cleanup(done)
		i, record, err := fresh.Create(ctx, kind.Request{
			Name: pool + "-" + damage.how, Template: stressTemplate, Version: "1.0.0", Strategy: "instantiate",
			Options: kind.Options{Running: true, WaitFor: []string{kind.WaitAgent}},
		}, func(kind.Instance, Record) {})
		if err != nil || record.Booted == nil {
			t.Errorf("with memory that is %s: %v; it booted because of %v", damage.how, err, record.Booted)
		}
		booted = append(booted, i)
	}
	for _, i := range slices.Concat(made, booted) {
		if err := p.Delete(ctx, 0, i.UUID, i.Facts.Tenant, i.Facts.Name, hostid.ID{}); err != nil {
			t.Error(err)
		}
	}
	err := l.RemoveVersion(ctx, v.ID, func(string) {})
	if err == nil {
		err = l.DeleteTemplate(ctx, stressTemplate)
	}
	if err != nil { // the site looks for what is left in the pool
		t.Error(err)
	}
}
