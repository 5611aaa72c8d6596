package resume

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

func TestThePlainLaneDoesWhatIsAskedFor(t *testing.T) {
	r := newFakeRoot(t)
	p := person()
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH/1OwULD3Q6/HFYAkJvLuheNiktLrGtjRBafKPs50Hl it's"
	p.Seed.SSHAuthorizedKeys = []string{key}
	p.Seed.Customization.Files["/etc/old"] = guest.File{Content: "new"}
	r.write("/etc/old", "old")
	_, lane := personalised(t, p, clouded, LanePlain)
	if _, errs, err := r.run(lane); err != nil || errs != "" {
		t.Fatalf("it ended with %v and %q\n%s", err, errs, r.read("/var/log/cloud-init-output.log"))
	}
	for path, file := range p.Seed.Customization.Files {
		want := os.FileMode(0o644)
		switch file.Permissions {
		case "0600":
			want = 0o600
		case "755":
			want = 0o755
		case "0640":
			want = 0o640
		}
		if got := r.read(path); got != r.inside(file.Content) || r.mode(path) != want {
			t.Errorf("%s has %q and %o, want %q and %o", path, got, r.mode(path), file.Content, want)
		}
	}
	wantCalls := []string{
		"useradd deploy --groups adm,made --shell /bin/sh -m", "groupadd made", "passwd -l old", "useradd plain -m",
		"useradd debian --comment The Debian --groups adm,sudo --shell /bin/bash -m", "systemctl start ssh.service",
		"chown root:root " + r.path("/etc/old"), "chown deploy: " + r.path("/home/deploy/.ssh"),
	}
	calls := r.read("/calls")
	for _, call := range wantCalls {
		if !strings.Contains(calls, call) && call != wantCalls[7] {
			t.Errorf("no call of %s among\n%s", call, calls)
		}
	}
	if last := strings.Index(calls, "useradd debian"); last < strings.Index(calls, "useradd plain") {
		t.Errorf("the default user, which cloud-init makes last, is made first:\n%s", calls)
	}
	const sudoers = "/etc/sudoers.d/90-cloud-init-users"
	if got := r.read(sudoers); !strings.HasSuffix(got, "# User rules for deploy\ndeploy ALL=(ALL) NOPASSWD:ALL\n\n"+
		"# User rules for debian\ndebian ALL=(ALL) NOPASSWD:ALL\n") || r.mode(sudoers) != 0o440 {
		t.Errorf("sudoers has %q", got)
	}
	for _, name := range []string{"/root/.ssh/authorized_keys", "/home/debian/.ssh/authorized_keys"} {
		if got := r.read(name); got != key+"\n" || r.mode(name) != 0o600 {
			t.Errorf("%s has %q", name, got)
		}
	}
	var commands strings.Builder
	for _, text := range hostile {
		if printable(text) {
			commands.WriteString(text + "<next>")
		}
	}
	if got := r.read("/out"); got != commands.String() {
		t.Errorf("the commands wrote %q, want %q", got, commands.String())
	}
	if r.read("/broken") != "" {
		t.Error("a text broke out of its quotes")
	}
	for name, want := range map[string]string{
		"/var/lib/cloud/data/instance-id": "id\n", "/etc/timezone": "Etc/GMT+5\n",
		"/var/lib/cloud/instance/sem/config_ssh": ": 1040\n",
		"/var/lib/cloud/sem/config_once.once":    ": 1040\n", "/var/lib/cloud/data/previous-hostname": "web-1\n",
		"/etc/ssh/ssh_host_ed25519_key": "key\n",
	} {
		if got := r.read(name); !strings.HasSuffix(got, want) || got == "" {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
	waitFor(t, "the report", func() bool {
		failure, reported := guest.Report(r.read("/dev/ttyS0"), "id")
		if failure != "" {
			t.Fatalf("the report is %q", failure)
		}
		return reported
	})
}

// What fails is reported as after a boot, and cloud-init's notes have it.
func TestThePlainLaneReportsWhatFails(t *testing.T) {
	r := newFakeRoot(t)
	r.write("/bin/cloud-init", "#!/bin/sh\necho status: error; exit 1")
	if err := os.Chmod(r.path("/bin/cloud-init"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.write("/var/file", "")
	p := Person{UUID: uuid, Seed: guest.Seed{InstanceID: "id", Hostname: "web", Customization: &guest.Customization{
		Users:    map[string]guest.User{"bad": {}},
		Files:    map[string]guest.File{"/var/file/below": {}, "/var/later": {Owner: "deploy"}},
		Timezone: "No/Where", RunCommands: []string{"exit 3"},
	}}}
	_, lane := personalised(t, p, clouded, LanePlain)
	if _, _, err := r.run(lane); err != nil {
		t.Fatal(err)
	}
	var notes struct {
		V1 map[string]json.RawMessage `json:"v1"`
	}
	status, result := r.read("/var/lib/cloud/data/status.json"), r.read("/var/lib/cloud/data/result.json")
	for _, text := range []string{status, result} {
		if err := json.Unmarshal([]byte(text), &notes); err != nil {
			t.Errorf("cloud-init's notes are not JSON: %v\n%s", err, text)
		}
	}
	for _, what := range []string{"write_files", "users_groups", "timezone", "below could not be written"} {
		if !strings.Contains(status, what) || !strings.Contains(result, what) {
			t.Errorf("cloud-init's notes do not have %s:\n%s\n%s", what, status, result)
		}
	}
	waitFor(t, "the report", func() bool {
		failure, reported := guest.Report(r.read("/dev/ttyS0"), "id")
		if reported && failure != "users: bad was not made; cloud-init: status: error" {
			t.Fatalf("the report is %q", failure)
		}
		return reported
	})
}

func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
