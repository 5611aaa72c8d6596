package polkitrules_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// Users of the host: alice publishes and runs containers for the tenant t1, bob creates instances for t2 through a
// group, carol works for the tenant default, and mallory has no tenant.
const (
	alice   = 64001
	bob     = 64002
	carol   = 64003
	mallory = 64004
)

const rulesConfig = `
data "novacron_polkit_rules" "t1" {
  tenant      = "t1"
  users       = ["alice"]
  may_publish = true

  may_run_containers = true
}
data "novacron_polkit_rules" "t2" {
  tenant       = "t2"
  groups       = ["team-2"]
  read_tenants = ["t1"]
}
data "novacron_polkit_rules" "default" {
  users = ["carol"]
}
output "rules" {
  value = {
    for rules in [data.novacron_polkit_rules.t1, data.novacron_polkit_rules.t2, data.novacron_polkit_rules.default] :
    rules.file_name => rules.content
  }
}
`

// site is a host whose libvirt asks polkit, with the data source's rules installed.
type site struct{ *acctest.Host }

func newSite(t *testing.T) site {
	t.Helper()
	s := site{acctest.RequireHost(t).Own(t, "polkit")}
	w := s.workspace(t, 0, "default", rulesConfig)
	w.Apply(t)
	out, err := w.Run(t.Context(), "output", "-json", "rules")
	var rules map[string]string
	if err == nil {
		err = json.Unmarshal([]byte(out), &rules)
	}
	if err != nil || len(rules) != 3 {
		t.Fatalf("%d files of rules, %v\n%s", len(rules), err, out)
	}
	dir := filepath.Join(s.Root, "run", "rules.d")
	err = os.Mkdir(dir, 0o755)
	for name, content := range rules {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644)
		}
	}
	script, lookErr := filepath.Abs("../../../tools/testhost/polkit.sh")
	if err != nil || lookErr != nil {
		t.Fatal(err, lookErr)
	}
	s.Exec(t, script, "/run/libvirt/rules.d", fmt.Sprintf("alice:%d", alice), fmt.Sprintf("bob:%d:team-2:64102", bob),
		fmt.Sprintf("carol:%d", carol), fmt.Sprintf("mallory:%d", mallory))
	s.Restart(t)
	return s
}

// workspace returns a configuration that Terraform applies as a user of the host, for a tenant.
// User 0 is root, who may do everything.
func (s site) workspace(t *testing.T, user uint32, tenant, config string) *tfacc.Workspace {
	t.Helper()
	w := tfacc.NewWorkspace(t, fmt.Sprintf("provider \"novacron\" {\n  uri = %q\n  tenant = %q\n}\n",
		s.URI, tenant)+config)
	if user != 0 {
		w.As(t, user)
	}
	return w
}

// virsh runs virsh as a user of the host.
func (s site) virsh(t *testing.T, user uint32, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "setpriv",
		append([]string{fmt.Sprintf("--reuid=%d", user), fmt.Sprintf("--regid=%d", user),
			"--clear-groups", "virsh", "--quiet", "--connect", s.URI}, args...)...)
	command.Dir = "/"
	out, err := command.CombinedOutput()
	return string(out), err
}

// may expects that virsh succeeds as that user, mayNot that it is refused.
func (s site) may(t *testing.T, user uint32, args ...string) string {
	t.Helper()
	out, err := s.virsh(t, user, args...)
	if err != nil {
		t.Errorf("user %d may not: virsh %q: %v\n%s", user, args, err, out)
	}
	return out
}

func (s site) mayNot(t *testing.T, user uint32, why string, args ...string) {
	t.Helper()
	if out, err := s.virsh(t, user, args...); err == nil || !strings.Contains(out, why) {
		t.Errorf("user %d, virsh %q: %v, want it refused for %q\n%s", user, args, err, why, out)
	}
}

// shop returns a template and a version whose image does not boot.
func shop(image string) string {
	t := tfconfig.Template{Name: "it", HardwareProfile: &tfconfig.Hardware{MemoryMB: 64}}
	return tfconfig.Render(t, tfconfig.Release("1.0.0", image).Of(t))
}

// web returns a running instance of the template. It has a network filter and a data disk, and
// switches off quickly.
func web(template tfconfig.Value) tfconfig.Instance {
	return tfconfig.Instance{
		Meta:       tfconfig.Meta{Label: "web"},
		Name:       "web",
		TemplateID: template,
		Version:    "1.0.0",
		WaitFor:    []string{},
		NetworkProfile: &tfconfig.Network{
			DefaultNetworkPolicies: []string{"clean-traffic"},
			Interfaces:             map[string]tfconfig.Interface{"eth0": {Network: "default"}},
		},
		StorageProfile: &tfconfig.Storage{Disks: map[string]tfconfig.Disk{"data": {SizeGB: 1}}},
		Timeouts:       &tfconfig.Timeouts{Delete: "1s"},
	}
}

// visible returns an image that other users may read.
func visible(t *testing.T) string {
	image := tfacc.EmptyImage(t, "16M")
	if err := os.Chmod(filepath.Dir(filepath.Dir(image)), 0o755); err != nil {
		t.Fatal(err)
	}
	return image
}

func TestAccUsersWorkForTheirTenantOnly(t *testing.T) {
	s := newSite(t)
	image := visible(t)

	// An administrator creates the pool, and a template for t2, whose users may not create one.
	offer := s.workspace(t, 0, "t2", shop(image))
	offer.Apply(t)
	t.Cleanup(func() { offer.Destroy(t) })

	// alice runs every operation for her tenant, and a second plan is empty.
	own := web(tfconfig.Template{}.Ref("id"))
	own.DependsOn = []tfconfig.Expr{"novacron_template_version.it"}
	first := s.workspace(t, alice, "t1", shop(image)+own.String())
	first.Apply(t)
	first.EmptyPlan(t)
	// bob creates instances of the templates that he may use.
	second := s.workspace(t, bob, "t2", web("t2/it").String()+"data \"novacron_instances\" \"all\" {\n  depends_on = "+
		"[novacron_instance.web]\n}\ndata \"novacron_provisioning_requests\" \"all\" {\n  depends_on = "+
		"[novacron_instance.web]\n}\noutput \"seen\" {\n  value = \"${length(data.novacron_instances.all.instances)} "+
		"instances, ${length(data.novacron_provisioning_requests.all.requests)} requests\"\n}\n")
	tfacc.Says(t, second.Apply(t), `seen = "1 instances, 1 requests"`)
	second.EmptyPlan(t)

	t.Run("they see their own", func(t *testing.T) {
		for user, domain := range map[uint32]string{alice: "t1.web", bob: "t2.web", carol: ""} {
			if got := strings.TrimSpace(s.may(t, user, "list", "--all", "--name")); got != domain {
				t.Errorf("user %d sees the domains %q, want %q", user, got, domain)
			}
		}
		for user, tenant := range map[uint32]string{alice: "t1", bob: "t2"} {
			for line := range strings.Lines(s.may(t, user, "vol-list", "novacron")) {
				name := strings.Fields(line + " -")[0]
				offered := user == bob && (strings.HasPrefix(name, "nova.template.t1.") ||
					strings.HasPrefix(name, "nova.version.t1."))
				if name != "-" && !strings.HasPrefix(name, "nova.base.") && strings.Split(name, ".")[2] != tenant &&
					!offered {
					t.Errorf("user %d sees the volume %s", user, name)
				}
			}
		}
	})
	t.Run("they cannot touch others'", func(t *testing.T) { s.refuses(t) })
	t.Run("bob cannot publish", func(t *testing.T) {
		w := s.workspace(t, bob, "t2", "resource \"novacron_template\" \"mine\" {\n  name = \"mine\"\n}\n")
		tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "access denied")
	})
	t.Run("bob cannot work for t1", func(t *testing.T) {
		intruder := web("t1/it")
		intruder.Name = "intruder"
		w := s.workspace(t, bob, "t1", intruder.String())
		tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "access denied")
	})
	t.Run("containers", func(t *testing.T) { s.containers(t) })
	second.Destroy(t)
	first.Destroy(t)
	if left := s.Leftovers(t, "novacron", ".web"); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

// refuses checks that the host's users cannot do what they may not do.
func (s site) refuses(t *testing.T) {
	const denied, hidden, hiddenVolume = "access denied", "failed to get domain", "failed to get vol"
	disk := "/var/lib/libvirt/novacron/nova.disk.t1.web.system.qcow2"
	own, foreign, plain := s.file(t, "own", domain("t2.extra", "")), s.file(t, "foreign", domain("t1.extra", "")),
		s.file(t, "plain", domain("plain", ""))
	secret := s.file(t, "secret", "<secret><usage type='volume'><volume>"+disk+"</volume></usage></secret>")

	s.may(t, bob, "define", own)
	s.may(t, bob, "undefine", "t2.extra")
	s.may(t, carol, "define", plain)
	s.mayNot(t, bob, hidden, "undefine", "plain")
	s.may(t, carol, "undefine", "plain")
	s.may(t, alice, "dominfo", "t1.web")
	s.may(t, alice, "vol-info", "--pool", "novacron", "nova.disk.t1.web.system.qcow2")
	for _, user := range []uint32{bob, carol} {
		s.mayNot(t, user, denied, "define", foreign)
		for _, action := range []string{"dominfo", "destroy", "undefine", "shutdown", "dumpxml"} {
			s.mayNot(t, user, hidden, action, "t1.web")
		}
		for _, action := range []string{"vol-delete", "vol-info", "vol-dumpxml", "vol-wipe"} {
			s.mayNot(t, user, hiddenVolume, action, "--pool", "novacron", "nova.disk.t1.web.system.qcow2")
		}
		s.mayNot(t, user, denied, "vol-create-as", "novacron", "nova.disk.t1.web.more.qcow2", "1M")
		s.mayNot(t, user, denied, "vol-create-as", "novacron", "anything.img", "1M")
		s.mayNot(t, user, denied, "vol-create-as", "novacron", "nova.base.x.raw", "1M")
		s.mayNot(t, user, denied, "pool-destroy", "novacron")
		s.mayNot(t, user, denied, "pool-create-as", "mine", "dir", "--target", "/root")
		s.mayNot(t, user, denied, "net-destroy", "default")
		s.mayNot(t, user, denied, "nodesuspend", "mem", "60")
		s.mayNot(t, user, denied, "secret-define", secret)
	}
	s.may(t, bob, "vol-create-as", "novacron", "nova.disk.t2.web.more.qcow2", "1M")
	s.may(t, bob, "vol-delete", "--pool", "novacron", "nova.disk.t2.web.more.qcow2")
	s.may(t, alice, "vol-create-as", "novacron", "nova.base.x.raw", "1M")
	s.may(t, alice, "vol-delete", "--pool", "novacron", "nova.base.x.raw")
	for _, document := range []string{"nova.resource-pool.t1.", "nova.host.all."} { // an administrator's
		s.may(t, 0, "vol-create-as", "novacron", document+"1.json", "1K")
		for _, user := range []uint32{alice, bob} {
			s.may(t, user, "vol-info", "--pool", "novacron", document+"1.json")
			s.mayNot(t, user, denied, "vol-delete", "--pool", "novacron", document+"1.json")
			s.mayNot(t, user, denied, "vol-create-as", "novacron", document+"2.json", "1K")
		}
		s.may(t, 0, "vol-delete", "--pool", "novacron", document+"1.json")
	}
	s.warm(t, denied, hidden)
	s.may(t, carol, "net-dumpxml", "default")
	s.mayNot(t, mallory, "failed to connect", "list")

	// As documented, no rules can prevent these operations.
	s.may(t, bob, "define", s.file(t, "reach",
		domain("t2.reach", "<disk type='file'><source file='"+disk+"'/><target dev='vda' bus='virtio'/></disk>")))
	s.may(t, bob, "domrename", "t2.reach", "t1.squat")
	s.mayNot(t, bob, hidden, "dominfo", "t1.squat")
	s.may(t, alice, "undefine", "t1.squat")
	s.may(t, bob, "vol-create", "novacron", s.file(t, "overlay",
		"<volume><name>nova.disk.t2.reach.system.qcow2</name><capacity>16777216</capacity>"+
			"<target><format type='qcow2'/></target><backingStore><path>"+disk+
			"</path><format type='qcow2'/></backingStore></volume>"))
	s.may(t, bob, "vol-delete", "--pool", "novacron", "nova.disk.t2.reach.system.qcow2")
}

// warm checks that users who publish make warm snapshots, and that the others can only read them.
func (s site) warm(t *testing.T, denied, hidden string) {
	const memory = "nova.warm.x.save"
	guest := s.file(t, "guest", domain("nova.warm.x", ""))
	s.may(t, alice, "define", guest)
	s.may(t, alice, "vol-create-as", "novacron", memory, "1M")
	for _, user := range []uint32{bob, carol} {
		s.mayNot(t, user, denied, "define", guest)
		s.mayNot(t, user, hidden, "destroy", "nova.warm.x")
		s.may(t, user, "vol-info", "--pool", "novacron", memory)
		s.may(t, user, "vol-download", "--pool", "novacron", memory, "/dev/null")
		s.mayNot(t, user, denied, "vol-delete", "--pool", "novacron", memory)
		s.mayNot(t, user, denied, "vol-create-as", "novacron", "nova.warm.x.qcow2", "1M")
	}
	s.may(t, bob, "vol-clone", "--pool", "novacron", memory, "nova.disk.t2.web.memory.raw")
	s.may(t, bob, "vol-delete", "--pool", "novacron", "nova.disk.t2.web.memory.raw")
	s.may(t, alice, "vol-delete", "--pool", "novacron", memory)
	s.may(t, alice, "undefine", "nova.warm.x")
}

// domain returns the definition of a domain with these devices.
func domain(name, devices string) string {
	return fmt.Sprintf(
		"<domain type='qemu'><name>%s</name><memory>1024</memory><os><type>hvm</type></os>"+
			"<devices>%s</devices></domain>",
		name, devices)
}

// file creates a file that all users may read, and returns its path.
func (s site) file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(s.Root, "run", name+".xml")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
