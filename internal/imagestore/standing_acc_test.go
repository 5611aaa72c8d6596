package imagestore

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// A stored image is checked again in the pool: after a file was looked at and before it is sent, it
// may have been replaced.
func TestAccAStoredImageStandsOnWhatItShould(t *testing.T) {
	s, site, directory := onTestHost(t)
	ctx := t.Context()
	secret := directory + ".secret"
	site.Exec(t, "sh", "-c", "echo nobody > "+secret)
	t.Cleanup(func() { site.Exec(t, "rm", secret) })
	for says, options := range map[string][]string{
		"":                             nil,
		"it stands on " + secret:       {"-b", secret, "-F", "raw"},
		"has its data in another file": {"-o", "data_file=" + secret + ".data,data_file_raw=on"},
	} {
		made := filepath.Join(directory, "made.qcow2")
		site.Exec(t, append(append([]string{"qemu-img", "create", "-q", "-u", "-f", "qcow2"}, options...), made,
			"64M")...)
		content, err := os.ReadFile(site.HostPath(made))
		if err != nil {
			t.Fatal(err)
		}
		u := holding{s.Store, Request{Version: web.Version("1.0.0"), Source: file.Source{}}}.newUpload(
			"nova.base.stands.qcow2", "qcow2")
		u.base.VirtualSize = 64 << 20
		if err := u.create(ctx, int64(len(content))); err != nil {
			t.Fatal(err)
		}
		transfer := must.Get[host.Transfer](t)(s.host.OpenTransfer(ctx))
		err = transfer.Upload(ctx, s.poolName, u.base.Volume, bytes.NewReader(content), 0, int64(len(content)))
		transfer.Close()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = u.recognised(ctx); (err == nil) != (says == "") || err != nil &&
			!strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %q", options, err, says)
		}
		if err := u.undo(ctx); err != nil {
			t.Error(err)
		}
		site.Exec(t, "rm", "-f", made, secret+".data")
	}
}

// The host sees the chain of an instance's disk that stands on a warm snapshot.
func TestAccAChainLeadsThroughASnapshot(t *testing.T) {
	s, _, directory := onTestHost(t)
	ctx := t.Context()
	stem := naming.NewWarmStem()
	names := []string{cloneVolume, naming.WarmDisk(stem), imageVolume}
	t.Cleanup(func() {
		for _, name := range names {
			if err := s.pool.DeleteVolume(context.WithoutCancel(ctx), name); err != nil {
				t.Error(err)
			}
		}
	})
	base := s.base(t, catalog.Base{
		Digest: digestA, State: catalog.BaseReady, Volume: imageVolume, Format: "raw", VirtualSize: 1 << 20,
	})
	snapshot := must.Get[catalog.Record[catalog.Snapshot]](t)(s.documents.Snapshots().Create(ctx, "key",
		catalog.Snapshot{State: catalog.SnapshotReady, Digest: digestA, Stem: stem}))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		if err := errors.Join(s.documents.Bases().Delete(ctx, base.Key, base.Revision),
			s.documents.Snapshots().Delete(ctx, snapshot.Key, snapshot.Revision)); err != nil {
			t.Error(err)
		}
	})
	var below *host.Backing
	for i, name := range slices.Backward(names) {
		format := []string{"qcow2", "qcow2", "raw"}[i]
		made := must.Get[host.Volume](t)(s.host.CreateVolume(ctx, s.poolName, host.VolumeSpec{
			Name: name, Format: format, Capacity: 1 << 20, Backing: below,
		}))
		below = &host.Backing{Path: made.Path, Format: format}
	}
	l := lineage{
		s.pool, chainReader{s.Base}, s.snapshotsOf,
		metadata.Facts{Tenant: "shop", Library: s.poolName, Digest: digestA},
	}
	chain, err := l.chain(ctx, host.DomainDisk{Path: path.Join(directory, cloneVolume), Format: "qcow2"})
	var got []string
	for _, v := range chain {
		got = append(got, v.Name)
	}
	if err != nil || !slices.Equal(got, names) {
		t.Errorf("the chain is %q, %v, want %q", got, err, names)
	}
	l.facts.Digest = digestB
	if _, err := l.chain(ctx, host.DomainDisk{Path: path.Join(directory, cloneVolume), Format: "qcow2"}); err == nil {
		t.Error("an instance of another image may stand on the snapshot")
	}
}
