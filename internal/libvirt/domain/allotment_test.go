package domain

import (
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// The definition of a domain is read unless the statistics say all that the domain may take.
func TestStatisticsThatSayAllOfADomain(t *testing.T) {
	vcpus := libvirt.TypedParam{Field: "vcpu.maximum", Value: *libvirt.NewTypedParamValueUint(3)}
	memory := libvirt.TypedParam{Field: "balloon.maximum", Value: *libvirt.NewTypedParamValueUllong(64 << 10)}
	plugged := libvirt.TypedParam{Field: "vcpu.current", Value: *libvirt.NewTypedParamValueUint(1)}
	given := libvirt.TypedParam{Field: "balloon.current", Value: *libvirt.NewTypedParamValueUllong(32 << 10)}
	for name, c := range map[string]struct {
		stats         []libvirt.TypedParam
		complete      bool
		vcpus, memory uint64
	}{
		"all":            {[]libvirt.TypedParam{given, memory, plugged, vcpus}, true, 3, 64 << 20},
		"without vCPUs":  {[]libvirt.TypedParam{given, memory, plugged}, false, 0, 64 << 20},
		"without memory": {[]libvirt.TypedParam{given, plugged, vcpus}, false, 3, 0},
		"nothing":        {nil, false, 0, 0},
	} {
		got, complete := allotmentOf(libvirt.DomainStatsRecord{Dom: libvirt.Domain{Name: "a"}, Params: c.stats})
		want := host.Allotment{
			UUID: "00000000-0000-0000-0000-000000000000", Name: "a", VCPUs: c.vcpus, Memory: c.memory,
		}
		if got != want || complete != c.complete {
			t.Errorf("%s: %+v says all: %t; want %+v, %t", name, got, complete, want, c.complete)
		}
	}
}

func TestADefinitionSaysTheMostADomainMayTake(t *testing.T) {
	vcpus, memory, err := parseAllotment(`<domain><maxMemory slots='16' unit='GiB'>4</maxMemory>
		<memory unit='MiB'>96</memory><currentMemory unit='MiB'>32</currentMemory><vcpu current='1'>6</vcpu></domain>`)
	if vcpus != 6 || memory != 96<<20 || err != nil {
		t.Errorf("got %d and %d, %v", vcpus, memory, err)
	}
	for _, text := range []string{"<domain", "<domain><memory unit='acres'>1</memory></domain>"} {
		if _, _, err := parseAllotment(text); err == nil {
			t.Errorf("%s is understood", text)
		}
	}
}
