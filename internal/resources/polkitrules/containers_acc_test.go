package polkitrules_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// containers checks that alice runs containers, and that the others cannot.
func (s site) containers(t *testing.T) {
	const denied, hidden, hiddenVolume = "access denied", "failed to get domain", "failed to get vol"
	template := tfconfig.Template{Name: "box", Type: "container", HardwareProfile: &tfconfig.Hardware{MemoryMB: 64}}
	template.Container = &tfconfig.Container{Command: []tfconfig.Value{"sleep", "100000"}}
	box := tfconfig.Instance{
		Meta: tfconfig.Meta{Label: "box", DependsOn: []tfconfig.Expr{"novacron_template_version.it"}}, Name: "box",
		TemplateID: tfconfig.Template{}.Ref("id"), Version: "1.0.0",
	}
	config := tfconfig.Render(template, tfconfig.Release("1.0.0", root(t)).Of(template))
	w := s.workspace(t, alice, "t1", config+box.String())
	w.Apply(t)
	w.EmptyPlan(t)

	lxc := site{new(*s.Host)}
	lxc.URI = strings.Replace(s.URI, "qemu+", "lxc+", 1)
	for user, names := range map[uint32]string{alice: "t1.box", bob: "", carol: ""} {
		if got := strings.TrimSpace(lxc.may(t, user, "list", "--all", "--name")); got != names {
			t.Errorf("user %d sees the containers %q, want %q", user, got, names)
		}
	}
	var disk string
	for line := range strings.Lines(s.may(t, 0, "vol-list", "novacron")) {
		if name := strings.Fields(line + " -")[0]; naming.IsOfContainer(name) {
			disk = name
			s.may(t, alice, "vol-info", "--pool", "novacron", name)
			s.mayNot(t, bob, hiddenVolume, "vol-info", "--pool", "novacron", name)
			s.mayNot(t, carol, hiddenVolume, "vol-delete", "--pool", "novacron", name)
		}
	}
	if disk == "" {
		t.Fatal("the pool has no volume of the container")
	}
	s.mayNot(t, bob, denied, "vol-create-as", "novacron", disk+"2", "1M")

	// A domain of this driver has the host's root, so a tenant's own name does not help.
	for user, name := range map[uint32]string{bob: "t2.box", carol: "box"} {
		guest := s.file(t, "guest", container(name))
		lxc.mayNot(t, user, denied, "define", guest)
		lxc.mayNot(t, user, denied, "create", guest)
		lxc.may(t, 0, "define", guest)
		lxc.may(t, user, "domstate", name) // its name is taken
		for _, action := range []string{"start", "undefine"} {
			lxc.mayNot(t, user, denied, action, name)
		}
		lxc.mayNot(t, alice, hidden, "undefine", name)
		lxc.may(t, 0, "undefine", name)
	}
	// As documented, nothing prevents this.
	lxc.may(t, alice, "define", s.file(t, "guest", container("t1.root")))
	lxc.may(t, alice, "undefine", "t1.root")

	// Process 1 of containers is written by those who run some, and deleted by an administrator.
	const program = "nova.init.abc.amd64"
	s.may(t, alice, "vol-create-as", "novacron", program, "1M")
	s.may(t, alice, "vol-upload", "--pool", "novacron", program, "/etc/hostname")
	s.mayNot(t, alice, denied, "vol-delete", "--pool", "novacron", program)
	s.may(t, bob, "vol-info", "--pool", "novacron", program)
	s.mayNot(t, bob, denied, "vol-delete", "--pool", "novacron", program)
	s.mayNot(t, bob, denied, "vol-upload", "--pool", "novacron", program, "/etc/hostname")
	s.mayNot(t, bob, denied, "vol-create-as", "novacron", "nova.init.abd.amd64", "1M")
	s.may(t, 0, "vol-delete", "--pool", "novacron", program)

	w.Destroy(t)
	left := s.Leftovers(t, "novacron", "box")
	for volume := range strings.FieldsSeq(s.may(t, 0, "vol-list", "novacron")) {
		if naming.IsOfContainer(volume) {
			left = append(left, volume)
		}
	}
	if len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// root returns the root file system of a container that other users may read.
func root(t *testing.T) string {
	t.Helper()
	path := novainit.Root(t, nil)
	for _, dir := range []string{filepath.Dir(path), filepath.Dir(filepath.Dir(path))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// container returns the definition of a container that has the host's root.
func container(name string) string {
	return fmt.Sprintf("<domain type='lxc'><name>%s</name><memory>65536</memory>"+
		"<os><type>exe</type><init>/bin/sh</init></os><devices>"+
		"<filesystem type='mount'><source dir='/'/><target dir='/'/></filesystem></devices></domain>", name)
}
