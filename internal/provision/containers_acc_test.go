package provision

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

func TestAccAContainerIsCreatedReadAndRemoved(t *testing.T) {
	d := openDocks(t)
	for _, strategy := range []catalog.Strategy{"linked_clone", "clone", "instantiate"} {
		r := d.request(strings.ReplaceAll(string(strategy), "_", "-"), strategy)
		began := time.Now()
		i, err := d.create(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: created in %s", strategy, time.Since(began))
		d.p.forget()
		before := d.conn.Calls()
		read := must.Get[kind.Instance](t)(d.p.Refresh(t.Context(), i.UUID))
		t.Logf("%s: read with %d requests", strategy, d.conn.Calls()-before)
		if read.State != host.StateRunning || read.Type != catalog.TypeContainer || read.Drifted() ||
			read.Restarts != 0 || read.ExitCode != nil || read.Health != "" || read.Facts.Provision.Completed == nil {
			t.Errorf("%s: it reads as %+v", strategy, read)
		}
		if log := d.log(r); !strings.Contains(log, "hello\n") {
			t.Errorf("%s: it has written %q", strategy, log)
		}
		began = time.Now()
		d.remove(i)
		t.Logf("%s: removed in %s", strategy, time.Since(began))
		if left := d.volumes(r); len(left) > 0 {
			t.Errorf("%s: it left %q", strategy, left)
		}
		if _, err := d.conn.Containers().Domain(t.Context(), i.UUID); !errors.Is(err, host.ErrNoDomain) {
			t.Errorf("%s: its domain is left: %v", strategy, err)
		}
	}
}

// What a template and its users say arrives as it is, and libvirt sees nothing of it.
func TestAccTheEnvironmentArrivesAndLibvirtSeesNothingOfIt(t *testing.T) {
	d := openDocks(t)
	const odd, secret = "a <b> & \"c\"\näöü $HOME", "correct horse battery staple"
	r := shell(d.request("env", "linked_clone"), `echo "[$ODD] [$(id -u)] [$HOSTNAME]"; exec sleep 100000`)
	r.Container.Env = map[string]string{"ODD": odd, "SECRET": secret}
	i, err := d.create(r)
	if err != nil {
		t.Fatal(err)
	}
	if log := d.says(r, "["+r.Name+"]"); !strings.Contains(log, "["+odd+"] [0]") {
		t.Errorf("it has written %q", log)
	}
	xml := must.Get[string](t)(d.conn.Containers().Definition(t.Context(), i.UUID))
	facts, err := i.Facts.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	logs := d.site.Exec(t, "sh", "-c", "cat /var/log/libvirt/lxc/*.log 2>/dev/null || true")
	for where, text := range map[string]string{"the definition": xml, "the metadata": facts, "libvirt's logs": logs} {
		if strings.Contains(text, secret) || strings.Contains(text, "ODD") {
			t.Errorf("%s has the environment: %s", where, text)
		}
	}
	if !strings.Contains(xml, "privnet") {
		t.Errorf("it has no network of its own: %s", xml)
	}
	mode := d.site.Exec(t, "stat", "-c", "%a", d.site.HostPath("/var/lib/libvirt/"+d.pool)+"/"+
		naming.Configuration(naming.DefaultTenant, r.Name))
	if strings.TrimSpace(mode) != "600" {
		t.Errorf("the configuration has the mode %s", mode)
	}
}

func TestAccAFailureIsInTheError(t *testing.T) {
	d := openDocks(t)
	r := shell(d.request("fails", "linked_clone"), "echo about to fail; exit 3")
	r.Container.Restart = new(settings.RestartNo)
	i, err := d.create(r)
	failed, is := errors.AsType[*container.Error](err)
	if !is || !strings.Contains(err.Error(), "exited with code 3") || !strings.Contains(err.Error(), "about to fail") ||
		!failed.Final || strings.Contains(kind.Kept(err), "about to fail") {
		t.Errorf("it fails with %v", err)
	}
	if now := must.Get[kind.Instance](t)(d.p.Read(t.Context(), i.UUID)); now.ExitCode == nil || *now.ExitCode != 3 ||
		now.Done || now.Running() {
		t.Errorf("it reads as %+v", now)
	}
	r = d.request("nosuch", "linked_clone")
	r.Container = &settings.Settings{Command: []string{"/nosuch"}}
	if _, err := d.create(r); err == nil || !strings.Contains(err.Error(), "/nosuch") {
		t.Errorf("a program that is not there: %v", err)
	}
	r = shell(d.request("sick", "linked_clone"), "exec sleep 100000")
	r.Container.HealthCheck = &settings.HealthCheck{
		Command:         []string{"CMD-SHELL", "echo no database; exit 7"},
		IntervalSeconds: new(int64(1)), Retries: new(int64(2)),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	sick, _, err := d.p.Create(ctx, r, func(kind.Instance, Record) {})
	if err == nil || !strings.Contains(err.Error(), "no database") || !strings.Contains(err.Error(), "code 7") {
		t.Errorf("an application that is not healthy: %v", err)
	}
	if now := must.Get[kind.Instance](t)(d.p.Read(t.Context(), sick.UUID)); now.Health != kind.HealthUnhealthy {
		t.Errorf("it reads as %+v", now)
	}
	d.remove(sick)
}

func TestAccAJobIsComplete(t *testing.T) {
	d := openDocks(t)
	r := shell(d.request("job", "linked_clone"), "echo working; sleep 1; echo done")
	r.WaitDefault, r.WaitFor = false, []string{kind.WaitExited}
	i, err := d.create(r)
	if err != nil {
		t.Fatal(err)
	}
	now := must.Get[kind.Instance](t)(d.p.Read(t.Context(), i.UUID))
	if !now.Done || now.Running() || now.ExitCode == nil || *now.ExitCode != 0 || !now.AsAsked() {
		t.Errorf("it reads as %+v", now)
	}
	// It is not started again for a change that it is not told of.
	r.Labels = map[string]string{"a": "b"}
	if _, restarts := d.change(i, r); len(restarts) > 0 {
		t.Errorf("a label restarts it: %v", restarts)
	}
	again := must.Get[kind.Instance](t)(d.p.Read(t.Context(), i.UUID))
	if again.Running() || strings.Count(d.log(r), "done") != 1 {
		t.Errorf("it ran again: %q", d.log(r))
	}
}

func TestAccOutputThatNobodyReadsBlocksNothing(t *testing.T) {
	d := openDocks(t)
	r := shell(d.request("loud", "linked_clone"),
		"yes 0123456789012345678901234567890123456789 | head -c 1048576; echo; echo the end; exec sleep 100000")
	if _, err := d.create(r); err != nil {
		t.Fatal(err)
	}
	d.says(r, "the end")
}

// A container has an address by DHCP or a static one, and reports both.
func TestAccAContainerHasAnAddress(t *testing.T) {
	d := openDocks(t)
	r := d.request("leased", "linked_clone")
	r.WaitDefault, r.WaitFor = false, []string{kind.WaitIP}
	i, err := d.create(r)
	if err != nil || len(i.Addresses) != 1 || !strings.HasPrefix(i.Addresses[0].String(), "192.168.") {
		t.Errorf("by DHCP it has %v, %v", i.Addresses, err)
	}
	r = d.request("static", "linked_clone")
	r.WaitDefault, r.WaitFor = false, []string{kind.WaitIP}
	r.Network = &profile.Network{Interfaces: map[string]profile.Interface{"eth0": {
		IP: &profile.IPConfiguration{StaticIP: new("192.168.122.77/24"), Gateway: new("192.168.122.1")},
	}}}
	i, err = d.create(r)
	if err != nil || len(i.Addresses) != 1 || i.Addresses[0].String() != "192.168.122.77" {
		t.Errorf("with a static address it has %v, %v", i.Addresses, err)
	}
}

// A system is told by its seed what cloud-init does, and its console is the log.
func TestAccASystemFindsItsSeed(t *testing.T) {
	d := openDocks(t)
	template := catalog.TemplateID{Tenant: naming.DefaultTenant, Name: "system"}
	must.Get[catalog.Template](t)(d.lib.CreateTemplate(t.Context(), catalog.Template{
		ID: template, Type: catalog.TypeContainer,
	}))
	reports := map[string]string{"1.0.0": "failed: no such zone", "2.0.0": "ok"}
	for version, report := range reports {
		must.Get[catalog.Version](t)(d.lib.RegisterVersion(t.Context(), library.VersionRequest{
			ID: template.Version(version), Source: file.Source{Path: novainit.Root(t, map[string]string{
				"sbin/init": "#!/bin/sh\necho system of $(id -u)\ncat /var/lib/cloud/seed/nocloud/*\necho told\n" +
					"id=$(grep -oE '[0-9a-f-]{36}' /var/lib/cloud/seed/nocloud/meta-data | head -n 1)\n" +
					"echo \"novacron: customization of $id: " + report + ".\"\nwhile :; do sleep 1; done\n",
			})},
		}))
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for version := range reports {
			if err := d.lib.RemoveVersion(ctx, template.Version(version)); err != nil {
				t.Error(err)
			}
		}
		if err := d.lib.DeleteTemplate(ctx, template); err != nil {
			t.Error(err)
		}
	})
	r := d.request("system", "linked_clone")
	r.Template = template
	r.Container = &settings.Settings{Init: new(settings.SystemInit), Privileged: new(true)}
	r.Customization = &guest.Customization{Timezone: "Europe/Berlin"}
	r.WaitDefault, r.WaitFor = false, []string{kind.WaitRunning, kind.NoReport}
	i, err := d.create(r)
	if err != nil {
		t.Fatal(err)
	}
	log := d.says(r, "told\n")
	for _, text := range []string{"system of 0", i.UUID, "Europe/Berlin", `"eth0":`} {
		if !strings.Contains(log, text) {
			t.Errorf("there is no %q in %s", text, log)
		}
	}
	if i.Facts.Container == nil || !i.Facts.Container.System || i.Health != "" {
		t.Errorf("it is %+v", i)
	}

	// Its report is waited for, unless the request says otherwise. With another image, it is that of its first boot.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	off := func(i kind.Instance) { // nothing in it hears that it is to shut down
		t.Helper()
		if err := d.conn.Containers().DestroyDomain(ctx, i.UUID); err != nil {
			t.Error(err)
		}
	}
	off(i)
	r.Version, r.WaitFor = "2.0.0", []string{kind.WaitRunning}
	if _, _, err := d.p.Reimage(ctx, i.UUID, r); err != nil {
		t.Errorf("a first boot that succeeds, of an instance that had another one: %v", err)
	}
	if log := d.log(r); strings.Contains(log, "no such zone") {
		t.Errorf("with another image, its log has what the first one wrote: %s", log)
	}
	later := r
	later.Name, later.Running = r.Name+"-later", false
	stopped, err := d.create(later)
	if err != nil {
		t.Fatal(err)
	}
	later.Running = true
	b := must.Get[kind.Blueprint](t)(d.p.BlueprintOf(ctx, stopped, later))
	if _, err := d.p.Update(ctx, stopped.UUID, Change{Blueprint: &b, Options: later.Options}); err != nil {
		t.Errorf("a system that is started later: %v", err)
	}
	r.Name, r.Version = r.Name+"-2", "1.0.0"
	failing, err := d.create(r)
	if failed, is := errors.AsType[*container.Error](err); !is || !failed.Final ||
		failed.Condition != kind.WaitCloudInit || !strings.Contains(err.Error(), "no such zone") {
		t.Errorf("a first boot that fails: %v", err)
	}
	for _, runs := range []kind.Instance{i, stopped, failing} {
		off(runs)
	}
}
