package guest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
)

// fakeGuest is a guest of the instance "id", as far as the script needs one: a directory that
// stands for its console, for cloud-init's directories, and for its programs.
type fakeGuest struct {
	*testing.T
	sh, dir string
}

func newFakeGuest(t *testing.T, script string) fakeGuest {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	g := fakeGuest{t, sh, t.TempDir()}
	for _, path := range []string{"/dev/ttyS0", agent.RunDirectory, "/var/lib/cloud"} {
		if !strings.Contains(script, path) {
			t.Fatalf("the script does not use %s:\n%s", path, script)
		}
	}
	for _, directory := range []string{"instance", "data"} {
		if err := os.MkdirAll(filepath.Join(g.dir, "cloud", directory), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	g.write(filepath.Join("cloud", "data", "instance-id"), "id\n")
	g.write("script", strings.NewReplacer("/dev/ttyS0", filepath.Join(g.dir, "tty"), agent.RunDirectory, g.dir,
		"/var/lib/cloud", filepath.Join(g.dir, "cloud")).
		Replace(script)+"heard=$?\nwait\nexit $heard\n")
	// The guest does not have this machine's other programs, such as nft.
	for _, program := range []string{"cat", "cut", "grep", "id", "rm", "sed", "sh", "touch", "tr"} {
		if path, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		} else if err := os.Symlink(path, filepath.Join(g.dir, program)); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g fakeGuest) write(name, content string) {
	g.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(content), 0o700); err != nil {
		g.Fatal(err)
	}
}

// prepare begins a boot in which cloud-init leaves those notes, and the guest has those programs.
func (g fakeGuest) prepare(notes, programs map[string]string) {
	g.Helper()
	for _, name := range []string{"status.json", "result.json"} {
		if err := os.Remove(filepath.Join(g.dir, name)); err != nil && !os.IsNotExist(err) {
			g.Fatal(err)
		}
	}
	for name, text := range notes {
		g.write(name, text)
	}
	for name, program := range programs {
		g.write(name, "#!"+g.sh+"\n"+program+"\n")
	}
}

// run runs the script with arguments, and waits for its background work.
func (g fakeGuest) run(args string) error {
	cmd := exec.CommandContext(g.Context(), g.sh,
		append([]string{filepath.Join(g.dir, "script")}, strings.Fields(args)...)...)
	cmd.Dir, cmd.Env = g.dir, []string{"PATH=" + g.dir}
	return cmd.Run()
}

func (g fakeGuest) console() string {
	g.Helper()
	console, err := os.ReadFile(filepath.Join(g.dir, "tty"))
	if err != nil && !os.IsNotExist(err) {
		g.Fatal(err)
	}
	return string(console)
}

func (g fakeGuest) keepsScript() bool {
	_, err := os.Stat(filepath.Join(g.dir, "script"))
	return err == nil
}
