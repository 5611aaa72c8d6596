package vm

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

const seedVolume = "nova.seed.t1.web.iso"

// seedOf is what the guest is told.
func (r *rig) seedOf() string {
	r.Helper()
	data, err := r.ReadVolume(r.Context(), "lib", naming.Seed("t1", "web"), seedLimit)
	r.ok(err)
	return string(data)
}

func TestTheGuestIsToldOfItsInterfaces(t *testing.T) {
	r := newRig(t)
	b, i := r.made(func(_ *kind.Request, b *kind.Blueprint) {
		gateway, dns := "10.0.0.1", []string{"10.0.0.53"}
		fixed := profile.IPConfiguration{StaticIP: new("10.0.0.5/24"), Gateway: &gateway, DNS: dns}
		b.NICs = append(b.NICs, profile.NIC{Name: "eth1", Model: "virtio", Network: "default", IP: fixed.Addressing()})
	})
	told := r.seedOf()
	for _, want := range []string{
		i.UUID, `"web"`, "10.0.0.5/24", "10.0.0.1", "10.0.0.53", i.MACs()["eth0"], i.MACs()["eth1"],
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the seed says nothing of %s", want)
		}
	}
	if b.Blueprint.NICs[0].MAC != i.MACs()["eth0"] {
		t.Errorf("eth0 has %s, and the blueprint %s", i.MACs()["eth0"], b.Blueprint.NICs[0].MAC)
	}
}

// secretive is a machine whose template tells the guest that secret.
func secretive(secret, userData string) func(*kind.Request, *kind.Blueprint) {
	return func(_ *kind.Request, b *kind.Blueprint) {
		b.Version.Spec.Parameters = map[string]parameter.Parameter{
			"password": {Type: parameter.TypeString, Sensitive: true},
		}
		b.Version.Spec.CloudInit = &cloudinit.Config{UserData: userData}
		b.Parameters, b.Shown = parameter.Values{"password": text(secret)}, parameter.Values{}
	}
}

func TestSecretsGoAndTheSeedStays(t *testing.T) {
	for name, userData := range map[string]string{
		"rendered without": "#cloud-config\npassword: {{ .password }}\n",
		// What the template says instead is longer than the secret.
		"longer without": `#cloud-config
{{ if .password }}password: {{ .password }}{{ else }}note: ` + strings.Repeat("x", 8<<10) + "{{ end }}\n",
		// Without the secret it is not a cloud-config.
		"broken without": "#cloud-config\na: {{ if .password }}{{ .password }}{{ else }}[{{ end }}\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b, i := r.made(secretive("hunter2", userData))
			before, err := r.Volume(t.Context(), "lib", seedVolume)
			r.ok(err)
			if told := r.seedOf(); !strings.Contains(told, "hunter2") {
				t.Fatal("the guest is not told")
			}
			r.ok(r.driver.Forget(t.Context(), i, b.Blueprint))
			told := r.seedOf()
			if strings.Contains(told, "hunter2") || !strings.Contains(told, i.UUID) {
				t.Errorf("the secret is there: %t, the instance: %t", strings.Contains(told, "hunter2"),
					strings.Contains(told, i.UUID))
			}
			if after, err := r.Volume(t.Context(), "lib", seedVolume); err != nil || after.Capacity != before.Capacity {
				t.Errorf("the seed had %d bytes, and has %d, %v", before.Capacity, after.Capacity, err)
			}
			if !b.Blueprint.Secret() || b.Blueprint.Version.Spec.CloudInit == nil ||
				!strings.Contains(PartOf(b.Blueprint).UserData, "hunter2") {
				t.Error("the blueprint of its caller was changed")
			}
		})
	}
}

func TestASeedThatCannotBeClearedIsAnError(t *testing.T) {
	for _, method := range []string{"Volume", "WriteVolume"} {
		r := newRig(t)
		b, i := r.made(secretive("hunter2", "#cloud-config\npassword: {{ .password }}\n"))
		r.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == method {
				return fakehost.Fault{Before: host.ErrNoAnswer}
			}
			return fakehost.Fault{}
		}
		err := r.driver.Forget(t.Context(), i, b.Blueprint)
		if !errors.Is(err, host.ErrNoAnswer) || !strings.Contains(err.Error(), `"web"`) ||
			strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// Everything that a customization asks for is in the seed, which is a file system that cloud-init
// looks for.
func TestACustomizationIsInTheSeed(t *testing.T) {
	r := newRig(t)
	r.made(func(q *kind.Request, _ *kind.Blueprint) {
		q.Customization = &guest.Customization{Timezone: "Europe/Berlin",
			Files: map[string]guest.File{"/etc/motd": {Content: "hello"}}}
	})
	told := r.seedOf()
	if !strings.Contains(strings.ToLower(told), "cidata") || !strings.Contains(told, "Europe/Berlin") ||
		!strings.Contains(told, "/etc/motd") {
		t.Errorf("the seed has %d bytes, and does not say it", len(told))
	}
}

func TestASeedIsReplacedAndPutBack(t *testing.T) {
	r := newRig(t)
	b, i := r.made(func(_ *kind.Request, b *kind.Blueprint) {
		b.NICs[0].IP = profile.Addressing{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")}}
	})
	before := []byte(r.seedOf())
	again := r.build(func(_ *kind.Request, b *kind.Blueprint) {
		b.NICs[0].IP = profile.Addressing{Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.6/24")}}
	})
	again.UUID = b.UUID
	stages := r.driver.Renew(again, i)
	r.ok(stages[2].Do(t.Context()))
	if told := r.seedOf(); !strings.Contains(told, "10.0.0.6/24") || !strings.Contains(told, i.MACs()["eth0"]) {
		t.Error("the seed was not replaced, or tells another MAC address")
	}
	if err := again.End(t.Context(), errors.New("no")); err.Error() != "no" {
		t.Errorf("putting it back: %v", err)
	}
	if !bytes.Equal([]byte(r.seedOf()), before) {
		t.Error("the old seed was not put back")
	}
	// A seed that was removed by other means is created, and is not a reason to fail.
	r.ok(r.DeleteVolume(t.Context(), "lib", seedVolume))
	again.Work = r.build(nil).Work
	r.ok(r.driver.Renew(again, i)[2].Do(t.Context()))
	if told := r.seedOf(); !strings.Contains(told, "10.0.0.6/24") {
		t.Error("no seed was made")
	}
}
