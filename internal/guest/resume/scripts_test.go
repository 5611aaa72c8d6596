package resume

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// hostile are texts that break out of careless quotes.
var hostile = []string{
	"'", "''", `"`, "$(touch broken)", "`touch broken`", "\\", "\\'", "a\nb", "'; touch broken; '", "EOF\nmain",
	"%s%n\\0", "-n", "!", "$HOME", "*", "@CALLS@", "@EARLY@", "  @COMMANDS@\n", "\t", "ä\u2028",
}

const uuid = "01234567-89ab-cdef-0123-456789abcdef"

var clouded = Facts{Version: sealing, Reseed: "perl", CloudInit: "22.4.2", Preloaded: true}

// person asks for what a script can do, with hostile texts wherever there can be any.
func person() Person {
	c := &guest.Customization{
		Users: map[string]guest.User{
			"deploy": {Groups: []string{"adm", "made"}, Sudo: true, Shell: "/bin/sh"}, "old": {}, "plain": {},
		},
		Files:    map[string]guest.File{},
		Timezone: "Etc/GMT+5",
	}
	for n, text := range hostile {
		name := strings.NewReplacer("/", "", "\n", "", "\t", "", "\u2028", "").Replace(text)
		c.Files["/var/files/"+name+string(rune('a'+n))] = guest.File{
			Content: text, Permissions: []string{"", "0600", "755", "0640"}[n%4],
			Owner: []string{"", "deploy:adm"}[n%2],
		}
		if !printable(text) {
			continue // or the report's script would go as base64, in which the fake's paths cannot be replaced
		}
		c.RunCommands = append(c.RunCommands, "printf '%s<next>' '"+strings.ReplaceAll(text, "'", `'\''`)+"' >>out")
	}
	c.Files["/var/files/bytes"] = guest.File{Content: "\x00\xff\x80'\n"}
	return Person{
		UUID: uuid, Commands: hostile,
		Seed: guest.Seed{
			InstanceID: "id", Hostname: "web-1.example.com", Customization: c,
			NetworkInterfaces: []guest.NetworkInterface{{Name: "eth0", MAC: "52:54:00:12:34:56", DHCP: true}},
		},
	}
}

// personalised is the script of a lane, and that which it starts.
func personalised(t *testing.T, p Person, f Facts, want Lane) (script, then string) {
	t.Helper()
	script, lane, err := p.Personalise(f)
	if err != nil || lane != want {
		t.Fatalf("the lane is %q, with %v; want %q", lane, err, want)
	}
	switch lane {
	case LanePlain:
		direct, _, err := p.Seed.Direct()
		if err != nil {
			t.Fatal(err)
		}
		then = plain(direct, f)
	case LaneCloudInit:
		then = wrapped(cloudInitScript)
	}
	return script, then
}

func TestShellsReadTheScripts(t *testing.T) {
	without, byCloudInit := clouded, clouded
	without.CloudInit, byCloudInit.NotPlain = "", "it is so"
	scripts := map[string]string{
		"seal":     Seal(hostile),
		"silent":   Silent(),
		"ended":    person().ended(),
		"identify": must.Get[string](t)(person().Identify(clouded, make([]byte, EntropySize), time.Now())),
	}
	scripts["none"], _ = personalised(t, person(), without, LaneNone)
	scripts["plain"], scripts["plain lane"] = personalised(t, person(), clouded, LanePlain)
	scripts["cloud-init"], scripts["cloud-init lane"] = personalised(t, person(), byCloudInit, LaneCloudInit)
	for name, script := range scripts {
		if !strings.HasSuffix(script, "\nexit\n") || strings.Contains(strings.ReplaceAll(script, "'@", ""), "\n  @") {
			t.Errorf("%s: a mark is left, or the end is missing:\n%s", name, script)
		}
		for _, shell := range [][]string{{"sh"}, {"dash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
			if _, err := exec.LookPath(shell[0]); err != nil {
				continue
			}
			cmd := exec.CommandContext(t.Context(), shell[0], append(shell[1:], "-n")...)
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s, read by %s: %v: %s", name, shell, err, out)
			}
		}
		if _, err := exec.LookPath("shellcheck"); err != nil || name == "cloud-init" || name == "plain" {
			continue // these carry another script, as a text
		}
		// The marks are gone, and values in their place are constant.
		cmd := exec.CommandContext(t.Context(), "shellcheck", "--shell=sh", "--severity=warning",
			"--exclude=SC2050,SC2194,SC2016,SC2089,SC1003,SC2034,SC2154", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: shellcheck: %s", name, out)
		}
	}
}

func TestAGuestGetsItsIdentity(t *testing.T) {
	r := newFakeRoot(t)
	if err := os.Remove(r.path("/run/novacron/clock")); err != nil {
		t.Fatal(err)
	}
	r.write("/bin/perl", "#!/bin/sh\n[ ! -e "+r.path("/etc/hostname")+" ] || echo again; cat >>"+r.path("/seed"))
	r.write("/bin/date", "#!/bin/sh\necho \"$@\" >>"+r.path("/date"))
	for _, name := range []string{"perl", "date"} {
		if err := os.Chmod(r.path("/bin/"+name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r.write("/proc/sys/kernel/hostname", "")
	r.write("/var/lib/dbus/x", "")
	entropy := make([]byte, EntropySize)
	for n := range entropy {
		entropy[n] = byte(n * 37)
	}
	script := must.Get[string](t)(person().Identify(clouded, entropy, time.Unix(1234, 0)))
	for range 2 {
		if out, errs, err := r.run(script); err != nil || out != "" || errs != "" {
			t.Fatalf("it ended with %v, %q and %q", err, out, errs)
		}
	}
	if got := r.read("/seed"); got != string(entropy)+string(entropy) {
		t.Errorf("it was reseeded with %x, want %x twice", got, entropy)
	}
	machine := strings.ReplaceAll(uuid, "-", "") + "\n"
	for name, want := range map[string]string{
		"/etc/machine-id": machine, "/var/lib/dbus/machine-id": machine, "/etc/hostname": "web-1\n",
		"/proc/sys/kernel/hostname": "web-1", "/run/novacron/clock": "1234 100\n", "/date": "-u -s @1234\n",
	} {
		if got := r.read(name); got != want {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}

	r.write("/bin/perl", "#!/bin/sh\nexit 1")
	r.write("/etc/machine-id", "")
	_, errs, err := r.run(script)
	if machine := r.read("/etc/machine-id"); err == nil || machine != "" || !strings.Contains(errs, "reseeded") {
		t.Errorf("a guest that is not reseeded goes on: %v, %q, %q", err, errs, machine)
	}
}

func TestIdentitiesThatCannotBe(t *testing.T) {
	seed := make([]byte, EntropySize)
	for name, broken := range map[string]func(*Person, *Facts, *[]byte){
		"less entropy": func(_ *Person, _ *Facts, e *[]byte) { *e = (*e)[1:] },
		"no UUID":      func(p *Person, _ *Facts, _ *[]byte) { p.UUID = "'; reboot" },
		"no host name": func(p *Person, _ *Facts, _ *[]byte) { p.Seed.Hostname = "'; reboot" },
		"no facts":     func(_ *Person, f *Facts, _ *[]byte) { *f = Facts{} },
	} {
		p, f, e := person(), clouded, seed
		broken(&p, &f, &e)
		if script, err := p.Identify(f, e, time.Now()); err == nil {
			t.Errorf("%s: accepted as\n%s", name, script)
		}
	}
}

// A command that fails is named by its index alone.
func TestCommandsThatFailAreNamed(t *testing.T) {
	r := newFakeRoot(t)
	without := Facts{Version: sealing, Reseed: "perl"}
	p := Person{
		UUID: uuid, Seed: guest.Seed{InstanceID: "id", Hostname: "web"},
		Commands: []string{"echo ran", "exit 7 # secret", "echo no"},
	}
	script, _ := personalised(t, p, without, LaneNone)
	_, errs, err := r.run(script)
	if want := "resume_commands[1] ended with exit status 7.\n"; err == nil || errs != want {
		t.Errorf("it ended with %v and %q, want %q", err, errs, want)
	}
	if got := r.read("/dev/console"); got != "ran\n" {
		t.Errorf("the commands wrote %q", got)
	}
}

func TestLanes(t *testing.T) {
	const template = "#cloud-config\nruncmd: [ls]\n"
	for name, c := range map[string]struct {
		seed func(*guest.Seed, *guest.Customization)
		want Lane
	}{
		"as it is":     {func(*guest.Seed, *guest.Customization) {}, LanePlain},
		"nothing":      {func(s *guest.Seed, _ *guest.Customization) { s.Customization = nil }, LanePlain},
		"a template":   {func(s *guest.Seed, _ *guest.Customization) { s.VendorData = template }, LaneCloudInit},
		"an empty one": {func(s *guest.Seed, _ *guest.Customization) { s.VendorData = "#cloud-config\n" }, LanePlain},
		"packages": {func(_ *guest.Seed, c *guest.Customization) {
			c.InstallPackages = []string{"nginx"}
		}, LaneCloudInit},
		"ports":      {func(_ *guest.Seed, c *guest.Customization) { c.OpenPorts = []int64{} }, LaneCloudInit},
		"a locale":   {func(_ *guest.Seed, c *guest.Customization) { c.Locale = "C.UTF-8" }, LaneCloudInit},
		"user data":  {func(_ *guest.Seed, c *guest.Customization) { c.UserData = template }, LaneCloudInit},
		"empty data": {func(_ *guest.Seed, c *guest.Customization) { c.UserData = "#cloud-config\n" }, LanePlain},
		"too large a file": {func(_ *guest.Seed, c *guest.Customization) {
			c.Files["/f"] = guest.File{Content: strings.Repeat("x", maxPlain)}
		}, LaneCloudInit},
	} {
		p := person()
		c.seed(&p.Seed, p.Seed.Customization)
		t.Run(name, func(t *testing.T) { personalised(t, p, clouded, c.want) })
	}
	p := person()
	p.Seed.InstanceID = "no/id"
	if _, _, err := p.Personalise(clouded); err == nil {
		t.Error("a seed that cloud-init would not take is accepted")
	}
}
