package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

func TestVolumeIsCreatedGrownClonedAndDeleted(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()

	v := must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "base.qcow2", Format: "qcow2", Capacity: 8 << 20,
	}))
	made := host.Volume{
		Pool: pool, Name: "base.qcow2", Path: filepath.Join(path, "base.qcow2"), Format: "qcow2", Capacity: 8 << 20,
	}
	if read := must.Get[host.Volume](t)(h.Volume(ctx, pool, "base.qcow2")); v != made || read.Modified.IsZero() ||
		read.Format != "qcow2" || read.Capacity != 8<<20 {
		t.Errorf("created %+v, which is %+v", v, read)
	}
	if mode := must.Get[os.FileInfo](t)(os.Stat(v.Path)).Mode().Perm(); mode != 0o600 {
		t.Errorf("mode is %o, want 0600", mode)
	}
	if err := h.ResizeVolume(ctx, pool, "base.qcow2", "qcow2", 16<<20); err != nil {
		t.Fatal(err)
	}

	overlay := must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "overlay.qcow2", Format: "qcow2", Capacity: 32 << 20, Backing: &host.Backing{
			Path: v.Path, Format: "qcow2",
		},
	}))
	if overlay.Backing == nil || *overlay.Backing != (host.Backing{Path: v.Path, Format: "qcow2"}) ||
		overlay.Capacity != 32<<20 {
		t.Errorf("overlay is %+v with backing %+v", overlay, overlay.Backing)
	}

	clone := must.Get[host.Volume](t)(h.CloneVolume(ctx, pool, host.VolumeSpec{Name: "same.raw", Format: "raw"},
		host.CloneSource{Pool: pool, Name: "base.qcow2", Format: "qcow2"}))
	if clone.Capacity != 16<<20 || clone.Format != "raw" {
		t.Errorf("clone without a size is %+v", clone)
	}
	clone = must.Get[host.Volume](t)(h.CloneVolume(ctx, pool, host.VolumeSpec{
		Name: "larger.qcow2", Format: "qcow2", Capacity: 64 << 20,
	}, host.CloneSource{Pool: pool, Name: "base.qcow2", Format: "qcow2"}))
	if clone.Capacity != 64<<20 || clone.Backing != nil {
		t.Errorf("larger clone is %+v", clone)
	}

	names := must.Get[[]string](t)(h.VolumeNames(ctx, pool))
	slices.Sort(names)
	if want := []string{"base.qcow2", "larger.qcow2", "overlay.qcow2", "same.raw"}; !slices.Equal(names, want) {
		t.Errorf("volumes are %v, want %v", names, want)
	}
	before := h.Calls()
	some, undescribed, err := h.Volumes(ctx, pool, func(name string) bool { return strings.HasSuffix(name, ".raw") })
	if err != nil || len(undescribed) > 0 || len(some) != 1 || some[0].Name != "same.raw" || h.Calls()-before != 2 {
		t.Errorf("found %+v with %d requests, want one volume with 2", some, h.Calls()-before)
	}

	if err := h.DeleteVolume(ctx, pool, "base.qcow2"); err != nil {
		t.Fatal(err)
	}
	_, err = h.Volume(ctx, pool, "base.qcow2")
	virttest.WantErr(t, err, host.ErrNoVolume)
	virttest.WantErr(t, h.DeleteVolume(ctx, pool, "base.qcow2"), host.ErrNoVolume)
	virttest.WantErr(t, h.ResizeVolume(ctx, pool, "base.qcow2", "qcow2", 1), host.ErrNoVolume)
	_, err = h.CloneVolume(ctx, pool, host.VolumeSpec{Name: "x", Format: "raw"}, host.CloneSource{
		Pool: pool, Name: "base.qcow2", Format: "qcow2",
	})
	virttest.WantErr(t, err, host.ErrNoVolume)
	_, err = h.CloneVolume(ctx, pool, host.VolumeSpec{Name: "same.raw", Format: "raw"}, host.CloneSource{
		Pool: pool, Name: "larger.qcow2", Format: "qcow2",
	})
	virttest.WantErr(t, err, host.ErrExists)
}

func TestOnlyOneOfManyCreatesARawVolume(t *testing.T) {
	h, pool, _ := realPool(t)
	var winners, losers atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			_, err := h.CreateVolume(t.Context(), pool, host.VolumeSpec{Name: "claim", Format: "raw", Capacity: 10})
			switch {
			case err == nil:
				winners.Add(1)
			case errors.Is(err, host.ErrExists):
				losers.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if winners.Load() != 1 || losers.Load() != 15 {
		t.Errorf("%d winners and %d losers, want 1 and 15", winners.Load(), losers.Load())
	}
}

func TestAVolumeMadeByAnotherDaemonExists(t *testing.T) {
	h, pool, path := realPool(t)
	if err := os.WriteFile(filepath.Join(path, "theirs"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := h.CreateVolume(t.Context(), pool, host.VolumeSpec{Name: "theirs", Format: "raw", Capacity: 10})
	virttest.WantErr(t, err, host.ErrExists)
	if err := h.RefreshPool(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	data := must.Get[[]byte](t)(h.ReadVolume(t.Context(), pool, "theirs", 100))
	if string(data) != "theirs" {
		t.Errorf("the other daemon's volume now holds %q", data)
	}
}

func TestVolumesOfAnInactiveOrMissingPool(t *testing.T) {
	h, pool, _ := realPool(t)
	ctx := t.Context()
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{Name: "v", Format: "raw", Capacity: 10}))
	onPool(t, h, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error { return l.StoragePoolDestroy(ref) })

	check := func(pool string, kind error) {
		t.Helper()
		_, err := h.Volume(ctx, pool, "v")
		virttest.WantErr(t, err, kind)
		_, err = h.VolumeNames(ctx, pool)
		virttest.WantErr(t, err, kind)
		_, err = h.ReadVolume(ctx, pool, "v", 10)
		virttest.WantErr(t, err, kind)
		_, err = h.CreateVolume(ctx, pool, host.VolumeSpec{Name: "w", Format: "raw", Capacity: 10})
		virttest.WantErr(t, err, kind)
		_, err = h.CloneVolume(ctx, pool, host.VolumeSpec{Name: "w", Format: "raw"}, host.CloneSource{
			Pool: pool, Name: "v", Format: "raw",
		})
		virttest.WantErr(t, err, kind)
		virttest.WantErr(t, h.WriteVolume(ctx, pool, "v", []byte("x")), kind)
		virttest.WantErr(t, h.DeleteVolume(ctx, pool, "v"), kind)
		virttest.WantErr(t, h.RefreshPool(ctx, pool), kind)
	}
	check(pool, host.ErrPoolInactive)
	check("no-such-pool", host.ErrNoPool)
	if p := must.Get[host.Pool](t)(h.Pool(ctx, pool)); p.Active {
		t.Errorf("pool is %+v, want it inactive", p)
	}
}

// While a pool is stopped and started repeatedly, requests are answered or fail because it is not
// active. They never fail otherwise.
func TestAPoolThatIsRestartedAnswersOrIsInactive(t *testing.T) {
	h, pool, _ := realPool(t)
	must.Get[host.Volume](t)(h.CreateVolume(t.Context(), pool, host.VolumeSpec{
		Name: "v", Format: "raw", Capacity: 10,
	}))
	if err := h.WriteVolume(t.Context(), pool, "v", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	other := realHost(t)
	for n := range 50 {
		var restart sync.WaitGroup
		restart.Go(func() {
			onPool(t, other, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
				if l.StoragePoolDestroy(ref) != nil { // while it is being read
					return nil
				}
				return l.StoragePoolCreate(ref, 0)
			})
		})
		names, listed := h.VolumeNames(t.Context(), pool)
		volume, looked := h.Volume(t.Context(), pool, "v")
		data, opened := h.ReadVolume(t.Context(), pool, "v", 10)
		_, created := h.CreateVolume(t.Context(), pool, host.VolumeSpec{
			Name: fmt.Sprint("v", n), Format: "raw", Capacity: 10,
		})
		restart.Wait()
		if listed == nil && !slices.Contains(names, "v") || looked == nil && volume.Name != "v" || opened == nil &&
			string(data) != "0123456789" {
			t.Fatalf("read %q, %+v and %q", names, volume, data)
		}
		for _, err := range []error{listed, looked, opened, created} {
			if err != nil && !errors.Is(err, host.ErrPoolInactive) {
				t.Fatal(err)
			}
		}
	}
}

func TestAPoolThatWasDefinedAnewIsFound(t *testing.T) {
	h, pool, path := realPool(t)
	must.Get[[]string](t)(h.VolumeNames(t.Context(), pool))
	onPool(t, h, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
		return errors.Join(l.StoragePoolDestroy(ref), l.StoragePoolUndefine(ref))
	})
	must.Get[host.Pool](t)(realHost(t).CreateDirPool(t.Context(), pool, path))
	must.Get[[]string](t)(h.VolumeNames(t.Context(), pool))
}

// A process may be killed after it has defined a pool.
func TestAPoolThatIsUnfinishedIsFinished(t *testing.T) {
	h := realHost(t)
	pool, path := virttest.Unique("pool"), filepath.Join(virttest.OpenDir(t), "pool")
	if err := h.definePool(t.Context(), pool, path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		onPool(t, h, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
			return l.StoragePoolUndefine(ref)
		})
	})
	if p := must.Get[host.Pool](t)(h.Pool(t.Context(), pool)); p.Active || !p.Unfinished {
		t.Errorf("once it is defined the pool is %+v", p)
	}
	if p := must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), pool, path)); !p.Active || p.Unfinished {
		t.Errorf("once it is created the pool is %+v", p)
	}
	onPool(t, h, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error { return l.StoragePoolDestroy(ref) })
	if p := must.Get[host.Pool](t)(h.Pool(t.Context(), pool)); p.Active || p.Unfinished {
		t.Errorf("once it is stopped the pool is %+v", p)
	}
}

func TestManyCreateTheSamePool(t *testing.T) {
	h := realHost(t)
	pool, path := virttest.Unique("pool"), filepath.Join(t.TempDir(), "deep", "pool")
	t.Cleanup(func() {
		onPool(t, h, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
			return errors.Join(l.StoragePoolDestroy(ref), l.StoragePoolUndefine(ref))
		})
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			p, err := realHost(t).CreateDirPool(t.Context(), pool, path)
			if err != nil || !p.Active || p.Path != path || p.Type != "dir" || p.Capacity == 0 {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	all.Wait()
	_, err := h.CreateDirPool(t.Context(), pool, "/elsewhere")
	virttest.WantErr(t, err, host.ErrExists)
	onPool(t, h, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
		if on, err := l.StoragePoolGetAutostart(ref); err != nil || on != 1 {
			t.Errorf("autostart is %d, %v", on, err)
		}
		return nil
	})
	pools := must.Get[[]host.Pool](t)(h.Pools(t.Context()))
	if !slices.ContainsFunc(pools, func(p host.Pool) bool { return p.Name == pool && p.Active && p.Path == path }) {
		t.Errorf("the pool is not among %+v", pools)
	}
}

func TestRefreshFindsFilesAndBearsRunningJobs(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	if err := os.WriteFile(filepath.Join(path, "new"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := h.Volume(ctx, pool, "new")
	virttest.WantErr(t, err, host.ErrNoVolume)
	if err := h.RefreshPool(ctx, pool); err != nil {
		t.Fatal(err)
	}
	must.Get[host.Volume](t)(h.Volume(ctx, pool, "new"))

	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "big", Format: "raw", Capacity: 64 << 20, Allocation: 64 << 20,
	}))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			if _, err := h.CloneVolume(
				ctx, pool, host.VolumeSpec{Name: fmt.Sprint("copy", i), Format: "raw"},
				host.CloneSource{Pool: pool, Name: "big", Format: "raw"},
			); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if err := h.RefreshPool(ctx, pool); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// libvirt lists at most 16,384 volumes of a pool.
func TestTooManyVolumesAreSaidSo(t *testing.T) {
	own := acctest.RequireHost(t).Own(t, "many") // removing a version looks at all pools of its host
	h := newHost(t, own.URI, rpc.Options{})
	pool, path := newPool(t, h)
	file := filepath.Join(path, "0")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const most = 16384
	for n := range most {
		if err := os.Link(file, filepath.Join(path, fmt.Sprint(n+1))); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.RefreshPool(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	_, err := h.VolumeNames(t.Context(), pool)
	virttest.WantErr(t, err, host.ErrTooManyVolumes)
	if err := h.DeleteVolume(t.Context(), pool, "0"); err != nil {
		t.Fatal(err)
	}
	if names := must.Get[[]string](t)(h.VolumeNames(t.Context(), pool)); len(names) != most {
		t.Errorf("%d volumes, want %d", len(names), most)
	}
}
