package catalog

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

// The members of a kind's part are members of a spec's document, as they were before there were
// kinds.
func TestTheDocumentOfASpecHasNoPartsOfKinds(t *testing.T) {
	for text, s := range map[string]Spec{
		`{"parameters":null}`: {},
		`{"hardware_profile":{"memory_mb":64},"parameters":{},"cloud_init":{"user_data":"#cloud-config\n"}}`: {
			Hardware:   &profile.Hardware{MemoryMB: new(int64(64))},
			Parameters: map[string]parameter.Parameter{},
			VM:         VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\n"}},
		},
		`{"storage_profile":{"disks":{"data":{"mount_path":"/a"}}},"parameters":null,"container":{"entrypoint":[]}}`: {
			Storage:    &profile.Storage{Disks: map[string]profile.Disk{"data": {MountPath: new("/a")}}},
			Containers: Containers{&container.Settings{Entrypoint: []string{}}},
		},
	} {
		got, err := json.Marshal(s)
		if err != nil || string(got) != text {
			t.Errorf("it is written as %s, %v, want %s", got, err, text)
		}
		var back Spec
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(back); err != nil || string(again) != text {
			t.Errorf("it is read as %s, %v, want %s", again, err, text)
		}
	}
}

func TestAKindsPartIsLaidOverAsTheOthersAre(t *testing.T) {
	own, base := &cloudinit.Config{UserData: "own"}, &cloudinit.Config{UserData: "base"}
	for want, s := range map[*cloudinit.Config][2]Spec{
		own:  {{VM: VM{CloudInit: own}}, {VM: VM{CloudInit: base}}},
		base: {{}, {VM: VM{CloudInit: base}}},
		nil:  {{}, {}},
	} {
		if got := s[0].Over(s[1]).CloudInit; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	mine, theirs := &container.Settings{Command: []string{"a"}}, &container.Settings{User: new("b")}
	if got := (Spec{Containers: Containers{mine}}).Over(Spec{Containers: Containers{theirs}}); got.Container != mine {
		t.Errorf("got %+v", got.Container)
	}
	if got := (Spec{}).Over(Spec{Containers: Containers{theirs}}); got.Container != theirs {
		t.Errorf("got %+v", got.Container)
	}
}

func TestWhatIsWrongWithinAKindsPartIsFound(t *testing.T) {
	broken := Spec{VM: VM{CloudInit: &cloudinit.Config{UserData: "#!/bin/sh\n"}}}
	if found := broken.Validate(); len(found) != 1 || found[0].Path.String() != "cloud_init.user_data" {
		t.Errorf("found %v", found)
	}
	large := Spec{VM: VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\n# " + strings.Repeat("x", SpecLimit)}}}
	if found := large.ValidateWhole(TypeVM); len(found) != 1 || found[0].Path.String() != "cloud_init.user_data" ||
		found[0].Summary != "Spec too large" {
		t.Errorf("found %.200v", found)
	}
	settings := &container.Settings{Env: map[string]string{"A": strings.Repeat("x", SpecLimit)}}
	large = Spec{Containers: Containers{settings}}
	if found := large.ValidateWhole(TypeContainer); len(found) != 1 || found[0].Path.String() != "container" {
		t.Errorf("found %.200v", found)
	}
	if types := Types(); len(types) != 2 || types[0] != TypeVM || types[1] != TypeContainer {
		t.Errorf("the types are %q", types)
	}
}
