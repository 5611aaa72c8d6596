package container

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

var someText = []byte(strings.Repeat("nova-init\n", 1000))

func someInit(string) (data []byte, digest string, err error) {
	sum := sha256.Sum256(someText)
	return someText, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// someName is the first name of the volume of someInit.
func someName() string {
	_, sum, _ := someInit("")
	return naming.Init(strings.TrimPrefix(sum, "sha256:"), "amd64", 1)
}

// provided has many processes provide nova-init at once, and returns the paths that they were told, and
// the volumes that there are then.
func provided(t *testing.T, h *fakehost.Host, processes int) (paths, volumes []string) {
	t.Helper()
	pool := must.Get[host.Pool](t)(h.Pool(t.Context(), "lib"))
	var mu sync.Mutex
	var group sync.WaitGroup
	for range processes {
		group.Go(func() {
			path, err := newInits(h, inventory.New(h), someInit).path(t.Context(), pool)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			paths = append(paths, path)
		})
	}
	group.Wait()
	slices.Sort(paths)
	volumes = must.Get[[]string](t)(h.VolumeNames(t.Context(), "lib"))
	slices.Sort(volumes)
	return slices.Compact(paths), volumes
}

func TestManyProcessesWriteNovaInitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakehost.New()
		must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
		paths, volumes := provided(t, h, 8)
		if len(paths) != 1 || len(volumes) != 1 || paths[0] != "/lib/"+volumes[0] {
			t.Errorf("they have %q of %q", paths, volumes)
		}
	})
}

// planted creates a volume of nova-init's name that holds something else.
func planted(t *testing.T, h *fakehost.Host, text []byte) {
	t.Helper()
	must.Get[host.Volume](t)(h.CreateVolume(t.Context(), "lib", host.VolumeSpec{
		Name: someName(), Format: "raw", Capacity: uint64(max(len(text), len(someText))),
	}))
	if err := h.WriteVolume(t.Context(), "lib", someName(), text); err != nil {
		t.Fatal(err)
	}
}

// user defines a container that mounts the volume of nova-init.
func user(t *testing.T, h *fakehost.Host, name string) host.Domain {
	t.Helper()
	return must.Get[host.Domain](t)(h.Containers().DefineContainer(t.Context(), host.ContainerSpec{
		Name: "user", Filesystems: []host.Filesystem{
			{Kind: host.FilesystemImage, Source: "/lib/root", Target: rootTarget}, programAt("/lib/" + name),
		},
	}))
}

// impostors are what may stand in a volume instead of nova-init, and whether it may be what another process
// is writing.
func impostors() map[string]struct {
	text   []byte
	coming bool
} {
	torn := slices.Clone(someText)
	clear(torn[len(torn)/2 : len(torn)/2+100])
	return map[string]struct {
		text   []byte
		coming bool
	}{
		"nothing":           {nil, true},
		"the beginning":     {someText[:len(someText)/2], true},
		"torn":              {torn, false},
		"another":           {[]byte(strings.Repeat("nova-evil\n", 1000)), false},
		"more than it":      {append(slices.Clone(someText), "more"...), false},
		"another of a mark": {append(make([]byte, len(someText)), "nova-init: this volume is complete\n"...), false},
	}
}

// Nothing but nova-init is run as process 1 of containers, whatever the volume's name says.
func TestWhatIsNotNovaInitIsReplaced(t *testing.T) {
	for what, impostor := range impostors() {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := fakehost.New()
				must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
				planted(t, h, impostor.text)
				began := time.Now()
				paths, volumes := provided(t, h, 3)
				if len(paths) != 1 || paths[0] != "/lib/"+someName() || !slices.Equal(volumes, []string{someName()}) {
					t.Errorf("they have %q of %q", paths, volumes)
				}
				if waited := time.Since(began) >= initPatience; waited != impostor.coming {
					t.Errorf("another process was waited for: %t", waited)
				}
				text, err := h.ReadVolume(t.Context(), "lib", someName(), 1<<20)
				if err != nil || !slices.Equal(text, someText) {
					t.Errorf("it holds %d bytes %.20q, %v", len(text), text, err)
				}
			})
		})
	}
}

// A container that has mounted it would lose its file.
func TestWhatAContainerMountsIsLeftAlone(t *testing.T) {
	for what, impostor := range impostors() {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := fakehost.New()
				must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
				planted(t, h, impostor.text)
				user(t, h, someName())
				paths, volumes := provided(t, h, 3)
				if len(paths) != 1 || paths[0] != "/lib/"+someName()+".2" || len(volumes) != 2 {
					t.Errorf("they have %q of %q", paths, volumes)
				}
				began := time.Now()
				paths, _ = provided(t, h, 3)
				if paths[0] != "/lib/"+someName()+".2" || time.Since(began) >= initPatience {
					t.Errorf("later, after %s, they have %q", time.Since(began), paths)
				}
			})
		})
	}
}

// What access rules do not let it delete is left alone, too.
func TestWhatMayNotBeDeletedIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakehost.New()
		must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
		planted(t, h, []byte("nova-evil"))
		h.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "DeleteVolume" {
				return fakehost.Fault{Before: host.ErrDenied}
			}
			return fakehost.Fault{}
		}
		if paths, _ := provided(t, h, 1); len(paths) != 1 || paths[0] != "/lib/"+someName()+".2" {
			t.Errorf("it has %q", paths)
		}
	})
}

// Without an answer about the containers, nobody knows whether one mounts it.
func TestWhatMayBeMountedIsLeftAlone(t *testing.T) {
	h := fakehost.New()
	pool := must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
	planted(t, h, []byte("nova-evil"))
	h.Inject = func(c fakehost.Call) fakehost.Fault {
		if c.Method == "DomainsNamed" {
			return fakehost.Fault{Before: host.ErrNoDriver}
		}
		return fakehost.Fault{}
	}
	if _, err := newInits(h, inventory.New(h), someInit).path(t.Context(), pool); !errors.Is(err, host.ErrNoDriver) {
		t.Errorf("it is provided: %v", err)
	}
	if _, err := h.Volume(t.Context(), "lib", someName()); err != nil {
		t.Errorf("what it held is gone: %v", err)
	}
}

// A process reads the volume once, however many containers it creates.
func TestNovaInitIsComparedOnce(t *testing.T) {
	h := fakehost.New()
	pool := must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
	i := newInits(h, inventory.New(h), someInit)
	must.Get[string](t)(i.path(t.Context(), pool))
	before := h.Calls()
	must.Get[string](t)(i.path(t.Context(), pool))
	if more := h.Calls() - before; more != 0 {
		t.Errorf("it takes %d more requests", more)
	}
}
