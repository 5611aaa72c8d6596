package provision

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/initd/binary"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// fakeInit has something in place of nova-init, for hosts in memory.
func fakeInit(string) (data []byte, digest string, err error) {
	data = []byte(strings.Repeat("nova-init\n", 100))
	sum := sha256.Sum256(data)
	return data, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// fakeKinds are the drivers of all kinds.
func fakeKinds(s kind.Site) []kind.Driver {
	return []kind.Driver{vm.New(s, "qemu"), container.New(s, fakeInit)}
}

// rootTar writes a small root file system.
func rootTar(t *testing.T, release string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "root.tar")
	file := must.Get[*os.File](t)(os.Create(name))
	defer file.Close()
	w := tar.NewWriter(file)
	for path, text := range map[string]string{
		"bin/app": "#!", "etc/release": release, "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
	} {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o755, Size: int64(len(text))})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// onDocks runs a test with a host in memory, whose template web is of containers.
func onDocks(t *testing.T, test func(t *testing.T, s *testSite)) {
	t.Helper()
	roots := map[string]string{"1.0.0": rootTar(t, "one"), "2.0.0": rootTar(t, "two")}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s := &testSite{Host: fakehost.New()}
		for name, path := range map[string]string{sitePool: "/pool", siteTier: "/fast"} {
			must.Get[host.Pool](t)(s.CreateDirPool(ctx, name, path))
		}
		s.Init = novainit.Fake(s, sitePool)
		s.lib = s.process()
		s.p = New(Settings{
			Host: s.Host, Library: s.lib, Kinds: fakeKinds, StorageTiers: map[string]string{siteTier: siteTier},
		})
		must.Get[catalog.Template](t)(s.lib.CreateTemplate(ctx, catalog.Template{
			ID: siteTemplate, Type: catalog.TypeContainer, Spec: catalog.Spec{
				Parameters: map[string]parameter.Parameter{
					"greeting": {Type: parameter.TypeString, Default: new("hello")},
					"unused":   {Type: parameter.TypeString, Default: new("")},
				},
				Containers: catalog.Containers{Container: &settings.Settings{
					Command: []string{"/bin/app"}, Env: map[string]string{"GREETING": "{{ .greeting }}"},
				}},
			},
		}))
		for version, path := range roots {
			must.Get[catalog.Version](t)(s.lib.RegisterVersion(ctx, library.VersionRequest{
				ID: siteTemplate.Version(version), Source: file.Source{Path: path},
			}))
		}
		test(t, s)
	})
}

// contained is a container with two disks, one of them on a tier.
func contained(strategy catalog.Strategy) kind.Request {
	one, fast, path := int64(1), siteTier, "/data"
	return kind.Request{
		Name: "web", Template: siteTemplate, Version: "1.0.0", Strategy: strategy,
		Storage: &profile.Storage{Disks: map[string]profile.Disk{
			"system": {}, "data": {SizeGB: &one, Tier: &fast, MountPath: &path},
		}},
		Options: kind.Options{Running: true, WaitDefault: true},
	}
}

// gone expects nothing of the container to be left.
func (s *testSite) gone(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	all, _, err := s.Containers().AllDomains(ctx)
	if err != nil || len(all) > 0 {
		t.Errorf("the containers %+v are left, %v", all, err)
	}
	left := s.volumes(t)
	for _, name := range must.Get[[]string](t)(s.VolumeNames(ctx, sitePool)) {
		if naming.IsInit(name) {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		t.Errorf("the volumes %q are left", left)
	}
}

// bounded is a context that ends, since a container whose status is lost is waited for.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 5*time.Minute)
}

// Any request of a create may fail, in any way: either the container exists and its user was told of
// it, or nothing is left and the next create succeeds.
func TestAFailedCreateOfAContainerLeavesNothing(t *testing.T) {
	for _, how := range ways() {
		for _, name := range []catalog.Strategy{"linked_clone", "clone", "instantiate"} {
			t.Run(how+" "+string(name), func(t *testing.T) {
				onDocks(t, func(t *testing.T, s *testSite) {
					var told string
					s.disturbed(t, how, func() { told = "" }, func(ctx context.Context) error {
						defer synctest.Wait() // what plays nova-init makes requests, too
						ctx, cancel := bounded(ctx)
						defer cancel()
						_, _, err := s.p.Create(ctx, contained(name), func(i kind.Instance, _ Record) { told = i.UUID })
						return err
					}, func(err error) {
						if told == "" || errors.Is(err, context.Canceled) {
							if err == nil {
								t.Error("a container was made, and its user was not told")
							}
							s.gone(t)
							return
						}
						s.remove(t, told)
						s.gone(t)
					})
				})
			})
		}
	}
}

// Any request of a change may fail: the next one completes it.
func TestAFailedChangeOfAContainerIsCompleted(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onDocks(t, func(t *testing.T, s *testSite) {
				var i kind.Instance
				r := contained("linked_clone")
				two, path := int64(2), "/more"
				r.Storage.Disks["more"] = profile.Disk{SizeGB: &two, MountPath: &path}
				r.Network = &profile.Network{Interfaces: map[string]profile.Interface{"eth0": {}, "lan": {}}}
				r.Container = &settings.Settings{Env: map[string]string{"MORE": "x"}}
				change := func(ctx context.Context) error {
					defer synctest.Wait()
					ctx, cancel := bounded(ctx)
					defer cancel()
					now, err := s.p.Read(ctx, i.UUID)
					if err != nil {
						return err
					}
					b, err := s.p.BlueprintOf(ctx, now, r)
					if err != nil {
						return err
					}
					_, err = s.p.Update(ctx, i.UUID, Change{Blueprint: &b, AllowRestart: true, Options: r.Options})
					return err
				}
				s.disturbed(t, how, func() {
					i = s.made(t, contained("linked_clone"))
					synctest.Wait()
				}, change, func(error) {
					ctx := context.WithoutCancel(t.Context())
					if err := change(ctx); err != nil {
						t.Errorf("completing it: %v", err)
					}
					now := must.Get[kind.Instance](t)(s.p.Read(ctx, i.UUID))
					b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(ctx, now, r))
					diff, wrong, err := s.p.Compare(ctx, now, b)
					if err != nil || len(wrong)+len(diff.Restarts)+len(diff.Replaces)+len(diff.Grows) > 0 ||
						!diff.Devices.None() || !now.Healthy() || now.MACs()["lan"] == "" || now.Drifted() {
						t.Errorf("it is %+v, and differs by %+v, %v, %v", now, diff, wrong, err)
					}
					s.remove(t, i.UUID)
				})
			})
		})
	}
}

// Any request of a reimage may fail: the container runs with the old image, or the next one completes it.
func TestAFailedReimageOfAContainerIsCompleted(t *testing.T) {
	for _, how := range ways() {
		for _, name := range []catalog.Strategy{"linked_clone", "clone"} {
			t.Run(how+" "+string(name), func(t *testing.T) {
				onDocks(t, func(t *testing.T, s *testSite) {
					var i kind.Instance
					again := contained(name)
					again.Version = "2.0.0"
					reimage := func(ctx context.Context) error {
						defer synctest.Wait()
						ctx, cancel := bounded(ctx)
						defer cancel()
						_, _, err := s.p.Reimage(ctx, i.UUID, again)
						return err
					}
					var before int
					s.disturbed(t, how, func() {
						i = s.made(t, contained(name))
						before = len(s.volumes(t))
						synctest.Wait()
					}, reimage, func(error) {
						ctx := context.WithoutCancel(t.Context())
						if err := reimage(ctx); err != nil {
							t.Errorf("completing it: %v", err)
						}
						now := must.Get[kind.Instance](t)(s.p.Read(ctx, i.UUID))
						if now.Facts.Version != "2.0.0" || !now.Healthy() || now.MACs()["eth0"] != i.MACs()["eth0"] ||
							len(s.volumes(t)) != before {
							t.Errorf("it is %+v, with %q", now, s.volumes(t))
						}
						s.remove(t, i.UUID)
					})
				})
			})
		}
	}
}

func TestAJobThatSucceedsIsComplete(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		r := contained("linked_clone")
		r.Container = &settings.Settings{Command: []string{"exit", "0"}}
		i := s.made(t, r)
		if !i.Done || !i.AsAsked() || i.Running() || i.ExitCode == nil || *i.ExitCode != 0 {
			t.Errorf("it is %+v", i)
		}
		s.remove(t, i.UUID)
		r.Container = &settings.Settings{Command: []string{"exit", "4"}}
		ctx, cancel := bounded(t.Context())
		defer cancel()
		failed, _, err := s.p.Create(ctx, r, func(kind.Instance, Record) {})
		not, is := errors.AsType[*container.Error](err)
		if !is || !not.Final || !strings.Contains(err.Error(), "code 4") {
			t.Errorf("got %v", err)
		}
		now := must.Get[kind.Instance](t)(s.p.Read(ctx, failed.UUID))
		if now.Done || now.AsAsked() || *now.ExitCode != 4 {
			t.Errorf("it is %+v", now)
		}
		s.remove(t, failed.UUID)
	})
}

func TestAContainerIsToldWhatChanges(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		i := s.made(t, contained("linked_clone"))
		for name, c := range map[string]struct {
			change   func(*kind.Request)
			restarts []string
			replaces []string
		}{
			"nothing": {change: func(*kind.Request) {}},
			"a label": {change: func(r *kind.Request) { r.Labels = map[string]string{"a": "b"} }},
			"env": {
				change: func(r *kind.Request) {
					r.Container = &settings.Settings{Env: map[string]string{"A": "b"}}
				},
				restarts: []string{"container"},
			},
			"the same": {change: func(r *kind.Request) {
				r.Container = &settings.Settings{Command: []string{"/bin/app"}}
			}},
			"a file": {
				change:   func(r *kind.Request) { r.Customization = files("/x", "y") },
				restarts: []string{"customization"},
			},
			"memory": {
				change:   func(r *kind.Request) { r.Hardware = &profile.Hardware{MemoryMB: new(int64(96))} },
				restarts: []string{"hardware_profile"},
			},
			"privileges": {
				change:   func(r *kind.Request) { r.Container = &settings.Settings{Privileged: new(true)} },
				restarts: []string{"container"}, replaces: []string{"container.privileged"},
			},
			"a MAC": {
				change:   func(r *kind.Request) { r.Network = nic(profile.Interface{MAC: new("52:54:00:00:00:09")}) },
				replaces: []string{`network_profile.interfaces["eth0"].mac_address`},
			},
			"an address": {
				change: func(r *kind.Request) {
					r.Network = nic(profile.Interface{IP: &profile.IPConfiguration{StaticIP: new("10.0.0.5/24")}})
				},
				restarts: []string{"network_profile"},
			},
			"a bridge": {
				change:   func(r *kind.Request) { r.Network = nic(profile.Interface{Bridge: new("br0")}) },
				restarts: []string{`network_profile.interfaces["eth0"]`},
			},
			"another size": {change: func(r *kind.Request) {
				d := r.Storage.Disks["data"]
				d.SizeGB = new(int64(4))
				r.Storage.Disks["data"] = d
			}},
			"another path": {
				change: func(r *kind.Request) {
					d := r.Storage.Disks["data"]
					d.MountPath = new("/elsewhere")
					r.Storage.Disks["data"] = d
				},
				restarts: []string{"storage_profile"},
			},
		} {
			r := contained("linked_clone")
			c.change(&r)
			b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(t.Context(), i, r))
			diff, wrong, err := s.p.Compare(t.Context(), i, b)
			var restarts, replaces []string
			for _, why := range diff.Restarts {
				restarts = append(restarts, why.At.String())
			}
			for _, at := range diff.Replaces {
				replaces = append(replaces, at.String())
			}
			if err != nil || len(wrong) > 0 || !slices.Equal(restarts, c.restarts) ||
				!slices.Equal(replaces, c.replaces) {
				t.Errorf("%s: restarts for %q, and replaces for %q; want %q, %q; %v, %v", name, restarts, replaces,
					c.restarts, c.replaces, wrong, err)
			}
		}
		s.remove(t, i.UUID)
	})
}

func files(path, text string) *guest.Customization {
	return &guest.Customization{Files: map[string]guest.File{path: {Content: text}}}
}

func nic(i profile.Interface) *profile.Network {
	return &profile.Network{Interfaces: map[string]profile.Interface{"eth0": i}}
}

// A provider without nova-init, and a host without the driver, say so while planning, and keep machines.
func TestWhatContainersNeedIsAskedForBeforehand(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		s.NoContainers = true
		r := contained("linked_clone")
		_, err := s.p.Blueprint(t.Context(), r)
		if found, are := errors.AsType[finding.List](err); !are || found[0].Summary != "Host has no containers" {
			t.Errorf("without the driver: %v", err)
		}
		if _, err := s.p.Find(t.Context(), naming.DefaultTenant, "none"); !errors.Is(err, ErrNotFound) {
			t.Errorf("without the driver, an instance that is not there: %v", err)
		}
		if _, _, err := s.p.Instances(t.Context(), InstanceFilter{}); err != nil {
			t.Errorf("without the driver, a list: %v", err)
		}
		s.NoContainers = false
		p := New(Settings{Host: s.Host, Library: s.lib, Kinds: func(at kind.Site) []kind.Driver {
			return []kind.Driver{vm.New(at, "qemu"), container.New(at, func(string) ([]byte, string, error) {
				return nil, "", binary.ErrNotEmbedded
			})}
		}, StorageTiers: map[string]string{siteTier: siteTier}})
		_, err = p.Blueprint(t.Context(), r)
		if found, are := errors.AsType[finding.List](err); !are || found[0].Summary != "No nova-init" {
			t.Errorf("without nova-init: %v", err)
		}
	})
}
