package catalog

import (
	"strings"
	"testing"
)

func TestAHostSaysItsState(t *testing.T) {
	for want, h := range map[string]Host{
		"active":                            {Name: "kvm1"},
		"active (again)":                    {Name: "kvm1", State: HostActive, Description: "again"},
		"draining (new disks until Friday)": {Name: "kvm1", State: HostDraining, Description: "new disks until Friday"},
		"in maintenance":                    {Name: "kvm1", State: HostMaintenance},
		"lost (burnt, and not to be rebuilt)": {
			Name: "kvm1", State: HostLost, Description: "burnt, and not to be rebuilt",
		},
	} {
		if got := h.String(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
		if fs := h.Validate(); len(fs) > 0 {
			t.Errorf("%s: %v", want, fs)
		}
		if h.Takes() != strings.HasPrefix(want, "active") {
			t.Errorf("%s: it takes instances: %v", want, h.Takes())
		}
	}
}

func TestBadHostsAreRefused(t *testing.T) {
	for at, h := range map[string]Host{
		"name":  {Name: "kvm 1", State: HostActive},
		"state": {Name: "kvm1", State: "off"},
	} {
		if fs := h.Validate(); len(fs) != 1 || fs[0].Path.String() != at {
			t.Errorf("%+v: %v, want a finding at %s", h, fs, at)
		}
	}
}
