package vm

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// What has its effect only at a boot is blamed on the attribute that asks for it.
func TestWhatAResumedGuestDoesNotDoIsFound(t *testing.T) {
	const early = "#cloud-config\nbootcmd: [[\"true\"]]\n"
	for name, c := range map[string]struct {
		template string
		custom   *guest.Customization
		want     []string
	}{
		"nothing":              {"", nil, nil},
		"nothing of that kind": {"#cloud-config\npackages: [vim]\n", &guest.Customization{Timezone: "UTC"}, nil},
		"the template":         {early, nil, []string{"strategy"}},
		"the instance":         {"", &guest.Customization{UserData: early}, []string{"customization.user_data"}},
		"the system disk": {"#cloud-config\nfs_setup: [{device: /dev/vda2}, {device: /dev/vdb}]\n", nil,
			[]string{"strategy"}},
		"kernel arguments": {"", &guest.Customization{Files: map[string]guest.File{
			"/etc/default/grub.d/a.cfg": {}, "/etc/motd": {},
		}}, []string{`customization.files["/etc/default/grub.d/a.cfg"]`}},
	} {
		r := newRig(t)
		b := r.build(func(q *kind.Request, _ *kind.Blueprint) { q.Customization = c.custom }).Blueprint
		part := PartOf(b)
		part.UserData = c.template
		b.Part = &part
		var at []string
		for _, f := range r.driver.NeedsBoot(b) {
			at = append(at, f.Path.String())
		}
		if !slices.Equal(at, c.want) {
			t.Errorf("%s: found at %q, want %q", name, at, c.want)
		}
	}
}
