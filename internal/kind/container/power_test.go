package container_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// If libvirt does not know process 1 of a container, it sends no signal. The container is then stopped by what it is
// told.
func TestAContainerWithoutSignalsIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, h := t.Context(), fakehost.New()
		must.Get[host.Pool](t)(h.CreateDirPool(ctx, "pool", "/pool"))
		facts := metadata.Facts{Tenant: "t1", Name: "web", Container: &metadata.ContainerNote{Disk: "system"}}
		domain := must.Get[host.Domain](t)(h.Containers().DefineContainer(ctx, host.ContainerSpec{
			Name: "t1.web", Init: "/.nova/init", VCPUs: 1, MemoryMiB: 64,
			Metadata:    must.Get[string](t)(facts.Marshal()),
			Filesystems: []host.Filesystem{{Kind: host.FilesystemRAM, Target: "/", Size: 1 << 20}},
		}))
		started := time.Now()
		status := initd.Status{State: initd.StateRunning, Started: started}
		config := initd.Config{Version: initd.ConfigVersion, Upper: initd.UpperMemory, Privileged: true,
			Process: initd.Process{Args: []string{"/bin/sleep"}}}
		for name, text := range map[string][]byte{
			naming.Configuration("t1", "web"): must.Get[[]byte](t)(config.Marshal()),
			naming.Status("t1", "web"):        status.Encode(),
		} {
			must.Get[host.Volume](t)(h.CreateVolume(ctx, "pool", host.VolumeSpec{
				Name: name, Format: "raw", Capacity: uint64(len(text)),
			}))
			if err := h.WriteVolume(ctx, "pool", name, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Containers().StartDomain(ctx, domain.UUID); err != nil {
			t.Fatal(err)
		}
		h.Inject = func(c fakehost.Call) (f fakehost.Fault) {
			if c.Method == "ShutdownDomain" {
				f.Before = host.ErrOperationInvalid
			}
			return f
		}
		stopped := make(chan struct{})
		go func() { // in place of nova-init
			defer close(stopped)
			for time.Since(started) < time.Minute && kind.Pause(ctx, time.Second) == nil {
				text, err := h.ReadVolume(ctx, "pool", naming.Configuration("t1", "web"), 1<<20)
				config, broken := initd.ParseConfig(text)
				if err == nil && broken == nil && config.Halt.Equal(started) {
					status.State = initd.StateExited // and libvirt does not notice
					if err := h.WriteVolume(ctx, "pool", naming.Status("t1", "web"), status.Encode()); err != nil {
						t.Error(err)
					}
					return
				}
			}
		}()
		driver := container.New(siteOf(h, "pool"), programs)
		if err := driver.Stop(ctx, domain.UUID, time.Hour); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("it was stopped only after %s", took)
		}
		<-stopped
	})
}
