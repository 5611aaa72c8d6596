package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/readiness"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

func TestOptionsChangeWithoutARestart(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		uuid := s.made(t, r).UUID
		r.Autostart, r.DeletionProtection, r.Labels, r.Description = false, true, nil, "odd \x01 text"
		var calls []string
		after := must.Get[kind.Instance](t)(s.calls(&calls, func() (kind.Instance, error) {
			return s.update(t.Context(), uuid, r,
				false)
		}))
		if after.Autostart || !after.Facts.Protected || len(after.Facts.Labels) > 0 ||
			after.Description != r.Description ||
			!after.Running() {
			t.Errorf("it is %+v", after)
		}
		for _, method := range []string{"ShutdownDomain", "DestroyDomain", "StartDomain", "PlugDisk", "Unplug"} {
			if slices.Contains(calls, method) {
				t.Errorf("it makes the request %s", method)
			}
		}
		// What already is so is not written again, except for the definition.
		calls = nil
		must.Get[kind.Instance](t)(s.calls(&calls, func() (kind.Instance, error) {
			return s.update(t.Context(), uuid, r,
				false)
		}))
		if n := len(slices.DeleteFunc(calls, func(m string) bool {
			return m != "RedefineDomain" &&
				m != "SetAutostart"
		})); n != 1 {
			t.Errorf("changing nothing makes %d changes: %q", n, calls)
		}
	})
}

// A change without a blueprint leaves machine and devices as they are.
func TestAChangeOfOptionsAloneTouchesNoDevice(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		i := s.made(t, r)
		if err := s.RedefineDomain(
			t.Context(), i.UUID, host.DomainChange{RemoveDevice: host.InterfaceID("eth0")},
		); err != nil {
			t.Fatal(err)
		}
		r.Labels = map[string]string{"team": "b"}
		after, err := s.p.Update(t.Context(), i.UUID, Change{Options: r.Options})
		if err != nil || len(after.NICs) != 0 || after.Facts.Labels[0].Value != "b" ||
			!slices.Equal(after.Facts.Sizes, i.Facts.Sizes) {
			t.Errorf("it is %+v, %v", after, err)
		}
	})
}

func TestADomainThatWasRenamedGetsItsNameBack(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		r.Running = false
		i := s.made(t, r)
		rename := func(uuid, name string) {
			t.Helper()
			if err := s.RenameDomain(t.Context(), uuid, name); err != nil {
				t.Fatal(err)
			}
		}
		rename(i.UUID, "old-web")
		if after, err := s.update(t.Context(), i.UUID, r, false); err != nil || after.DomainName != "web" ||
			after.Drifted() {
			t.Errorf("it is called %q, %v", after.DomainName, err)
		}
		// On a running guest, that needs a restart.
		rename(i.UUID, "old-web")
		if err := s.StartDomain(t.Context(), i.UUID); err != nil {
			t.Fatal(err)
		}
		r.Running = true
		_, err := s.update(t.Context(), i.UUID, r, false)
		if refused, ok := errors.AsType[finding.List](err); !ok || refused[0].Path.String() != "domain_name" {
			t.Errorf("while it runs: %v", err)
		}
		if after, err := s.update(t.Context(), i.UUID, r, true); err != nil || after.DomainName != "web" ||
			!after.Running() {
			t.Errorf("restarted, it is called %q and is %s, %v", after.DomainName, after.State, err)
		}
		// By now, another domain may have its name.
		r.Running = false
		if _, err := s.update(t.Context(), i.UUID, r, true); err != nil {
			t.Fatal(err)
		}
		rename(i.UUID, "old-web")
		must.Get[host.Domain](t)(s.DefineDomain(t.Context(), host.DomainSpec{Name: "web", Type: "qemu"}))
		if _, err := s.update(t.Context(), i.UUID, r, true); !errors.Is(err, host.ErrExists) ||
			!strings.Contains(err.Error(), `"old-web"`) {
			t.Errorf("with its name taken: %v", err)
		}
	})
}

// secrets is a template with a secret parameter that its guests are told.
func (s *testSite) secrets(t *testing.T, image string) kind.Request {
	t.Helper()
	id := catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "secrets"}
	must.Get[catalog.Template](t)(s.lib.CreateTemplate(t.Context(), catalog.Template{ID: id, Type: catalog.TypeVM,
		Spec: catalog.Spec{
			Parameters: map[string]parameter.Parameter{"password": {Type: parameter.TypeString, Sensitive: true}},
			VM: catalog.VM{
				CloudInit: &cloudinit.Config{UserData: "#cloud-config\npassword: {{ quote .password }}\n"},
			},
		}}))
	must.Get[catalog.Version](t)(s.lib.RegisterVersion(t.Context(), library.VersionRequest{ID: id.Version("1.0.0"),
		Source: file.Source{Path: image}}))
	r := s.request("clone")
	r.Template, r.Given = id, parameter.Given{Secrets: map[string]parameter.Raw{"password": "hunter2"}}
	return r
}

// told reports whether the seed has a secret.
func (s *testSite) told(t *testing.T, secret string) bool {
	t.Helper()
	data := must.Get[[]byte](t)(s.ReadVolume(t.Context(), sitePool, naming.Seed(naming.DefaultTenant, "web"), 64<<20))
	return strings.Contains(string(data), secret)
}

// agentOfDone is an agent whose cloud-init has finished.
func agentOfDone(_, command string) (string, error) {
	switch {
	case strings.Contains(command, `"guest-exec-status"`): // {"status":"done","extended_status":"done","errors":[]}
		const done = "eyJzdGF0dXMiOiJkb25lIiwiZXh0ZW5kZWRfc3RhdHVzIjoiZG9uZSIsImVycm9ycyI6W119"
		return `{"return":{"exited":true,"exitcode":0,"out-data":"` + done + `"}}`, nil
	case strings.Contains(command, `"guest-exec"`):
		return `{"return":{"pid":1}}`, nil
	}
	return `{"return":{}}`, nil
}

// reported is what a guest writes once it has done everything.
func reported(d host.Domain) []byte {
	return []byte("\nnovacron: customization of " + d.UUID + ": ok.\n")
}

// Secrets leave the host once the guest has read them: at the end of the create, or of the first
// start that waits for the guest.
func TestSecretsLeaveTheHostOnceTheGuestHasReadThem(t *testing.T) {
	image := stressImage(t, 64<<10)
	for name, c := range map[string]struct {
		running bool
		waits   []string
		gone    bool // after the create
	}{
		"waited for":     {true, []string{kind.WaitCloudInit}, true},
		"not waited for": {true, nil, false},
		"not running":    {false, []string{kind.WaitCloudInit}, false},
	} {
		t.Run(name, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				s.Agent, s.Console = agentOfDone, reported
				r := s.secrets(t, image)
				r.Running, r.WaitFor = c.running, c.waits
				i := s.made(t, r)
				if i.Facts.SecretSeed == c.gone || s.told(t, "hunter2") == c.gone ||
					i.Facts.Customized.Pending == c.running {
					t.Errorf("the metadata say %t, the seed %t, pending %t", i.Facts.SecretSeed, s.told(t, "hunter2"),
						i.Facts.Customized.Pending)
				}
				r.Running, r.WaitFor = true, []string{kind.WaitCloudInit}
				if c.running && !c.gone { // it is not started again, so it has to be switched off first
					r.Running = false
					must.Get[kind.Instance](t)(s.update(t.Context(), i.UUID, r, true))
					r.Running = true
				}
				after, err := s.update(t.Context(), i.UUID, r, true)
				if err != nil || after.Facts.SecretSeed || s.told(t, "hunter2") || after.Facts.Customized.Pending {
					t.Errorf("after a start the metadata say %t, the seed %t, %v",
						after.Facts.SecretSeed, s.told(t, "hunter2"), err)
				}
				for _, setting := range after.Facts.Parameters {
					t.Errorf("the metadata have the parameter %+v", setting)
				}
			})
		})
	}
}

// The first start of an instance that was created stopped reports how its first boot went; later
// starts do not.
func TestTheFirstStartHearsOfTheFirstBoot(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		s.Console = func(d host.Domain) []byte {
			return []byte("\nnovacron: customization of " + d.UUID + ": failed: run_commands[0] ended with " +
				"exit status 1.\n")
		}
		r := s.request("clone")
		r.Running, r.WaitFor = false, []string{kind.WaitIP}
		r.Customization = &guest.Customization{RunCommands: []string{"false"}}
		i := s.made(t, r)
		r.Running = true
		_, err := s.update(t.Context(), i.UUID, r, true)
		if unready, ok := errors.AsType[*readiness.Error](err); !ok || unready.Condition != "customization" {
			t.Errorf("the first start: %v", err)
		}
		for _, running := range []bool{false, true} {
			r.Running = running
			if after, err := s.update(t.Context(), i.UUID, r, true); err != nil || after.Facts.Customized.Pending {
				t.Errorf("running: %t: %v", running, err)
			}
		}
	})
}

// A crashed guest is started again, and one that was started by other means is left alone.
func TestAGuestIsBroughtUpAgain(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		r.WaitFor = []string{kind.WaitIP}
		uuid := s.made(t, r).UUID
		for _, down := range []func(string){s.Crash, s.Save, func(uuid string) {
			if err := s.DestroyDomain(t.Context(), uuid); err != nil {
				t.Fatal(err)
			}
		}} {
			down(uuid)
			if after, err := s.update(t.Context(), uuid, r, false); err != nil || !after.Healthy() {
				t.Errorf("it is %s, %v", after.State, err)
			}
		}
		s.remove(t, uuid)
	})
}

// A plan may be older than the host's volumes. A change that only another instance could have is
// refused before anything is done.
func TestAReimageThatNeedsAnotherInstanceIsRefused(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		i := s.made(t, r)
		efi := profile.EFI
		r.Hardware = &profile.Hardware{Firmware: &efi}
		before := s.volumes(t)
		var calls []string
		_, err := s.calls(&calls, func() (kind.Instance, error) { return s.reimaged(t.Context(), i.UUID, r) })
		refused, ok := errors.AsType[finding.List](err)
		if !ok || len(refused) != 1 || refused[0].Path.String() != "hardware_profile.firmware" ||
			!strings.Contains(err.Error(), "step disks") {
			t.Errorf("got %v", err)
		}
		for _, method := range []string{"CloneVolume", "ShutdownDomain", "DestroyDomain", "RedefineDomain"} {
			if slices.Contains(calls, method) {
				t.Errorf("it made the request %s", method)
			}
		}
		after := must.Get[kind.Instance](t)(s.p.Read(t.Context(), i.UUID))
		if !after.Running() || after.Facts.Version != "1.0.0" || !slices.Equal(s.volumes(t), before) {
			t.Errorf("it is %s with version %s and %q", after.State, after.Facts.Version, s.volumes(t))
		}
	})
}

// If another process is about to remove the version that an instance changes to, the instance keeps
// its old one.
func TestAReimageMakesSureOfItsVersion(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		i := s.made(t, r)
		before := s.volumes(t)
		versions, marked := poolstore.New(s.Host, sitePool).Versions(), false
		s.p.observe = func(ctx context.Context, _ string, done step.Step, _ error) {
			if done.Name != "shutdown" {
				return
			}
			marked = true
			_, err := catalog.Change(ctx, versions, siteTemplate.Version("2.0.0").String(),
				func(v *catalog.Version) error {
					now := time.Now()
					v.DeletingSince = &now
					return nil
				})
			if err != nil {
				t.Error(err)
			}
		}
		_, err := s.reimaged(t.Context(), i.UUID, r)
		if err == nil || !strings.Contains(err.Error(), "being removed by another process") || !marked {
			t.Errorf("got %v, marked %t", err, marked)
		}
		after := must.Get[kind.Instance](t)(s.p.Read(t.Context(), i.UUID))
		if !after.Running() || after.Facts.Version != "1.0.0" || len(s.volumes(t)) != len(before) {
			t.Errorf("it is %s with version %s and %q", after.State, after.Facts.Version, s.volumes(t))
		}
	})
}

// A cancel removes an instance even after its user was told of it.
func TestACancelWhileWaitingLeavesNothing(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		r.WaitFor = []string{kind.WaitAgent}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		told := false
		_, record, err := s.p.Create(ctx, r, func(kind.Instance, Record) { told = true })
		if _, cancelled := errors.AsType[*CancelledError](err); !cancelled || !errors.Is(err, context.Canceled) ||
			!told {
			t.Errorf("told: %t, %v", told, err)
		}
		if record.Status != string(catalog.RequestCancelled) || !strings.Contains(err.Error(), `"web"`) {
			t.Errorf("the record is %+v", record)
		}
		s.empty(t)
	})
}

func TestAHostShowsWhatItOffers(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		h := must.Get[Host](t)(s.p.Host(t.Context()))
		if h.Hostname != "fake" || len(h.Pools) != 2 || len(h.Networks) != 1 ||
			!slices.Equal(s.p.Homes(), []string{siteTier, sitePool}) {
			t.Errorf("it is %+v, instances are in %q", h, s.p.Homes())
		}
		s.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "Networks" {
				return fakehost.Fault{Before: host.ErrUnreachable}
			}
			return fakehost.Fault{}
		}
		if _, err := s.p.Host(t.Context()); !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("without an answer: %v", err)
		}
	})
}
