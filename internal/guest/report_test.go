package guest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

// unclear are notes of cloud-init from which only its own program can tell how it went.
var unclear = map[string]string{"result.json": `{"v1": {"errors": ["so and so"]}}`}

// ranGuest is the content of the console of a guest "id" after it has carried out its
// customization, and reported. In that guest cloud-init leaves those notes, and its program prints
// said and ends with status.
func ranGuest(
	t *testing.T, c *Customization, notes map[string]string, said string, status int, programs map[string]string,
) (console string) {
	t.Helper()
	return ranScript(t, c.script("id"), []string{"customize 0", ""}, notes, said, status, programs)
}

// ranScript is ranGuest for a script that is run with each of those arguments.
func ranScript(
	t *testing.T, script string, args []string, notes map[string]string, said string, status int,
	programs map[string]string,
) (console string) {
	t.Helper()
	all := map[string]string{"cloud-init": fmt.Sprintf("printf '%%s\\n' %s; exit %d", cloudinit.ShellWord(said),
		status)}
	maps.Copy(all, programs)
	g := newFakeGuest(t, script)
	g.prepare(notes, all)
	var heard error // the outcome of runcmd, as cloud-init sees it
	for _, arg := range args {
		err := g.run(arg)
		switch {
		case arg != "":
			heard = err
		case err != nil:
			t.Errorf("the report ends with %v", err)
		}
	}
	report := g.console()
	if report == "" {
		t.Fatal("no report came")
	}
	if failed := strings.Contains(report, "failed"); status == 0 && len(args) > 1 && failed != (heard != nil) {
		t.Errorf("cloud-init hears %v of %q", heard, report)
	}
	if g.keepsScript() {
		t.Error("the script is left after the report")
	}
	return report
}

func TestCommandsRunAsTheyWereWritten(t *testing.T) {
	var commands []string
	for _, s := range hostile {
		if s = strings.ReplaceAll(s, "\x00", ""); s != "" {
			commands = append(commands, "printf %s "+cloudinit.ShellWord(s)+" >>out; printf '<next>' >>out")
		}
	}
	dir := t.TempDir()
	commands = append([]string{"cd " + dir, "> " + filepath.Join(dir, "out")}, commands...)
	for i := range commands {
		commands[i] = strings.ReplaceAll(commands[i], ">>out", ">>"+filepath.Join(dir, "out"))
	}
	c := &Customization{RunCommands: commands}
	if findings := c.Validate(""); len(findings) > 0 {
		t.Fatal(findings)
	}
	failure, reported := Report(ranGuest(t, c, unclear, "", 0, nil), "id")
	if failure != "" || !reported {
		t.Errorf("the report is %q, %t", failure, reported)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, s := range hostile {
		if s = strings.ReplaceAll(s, "\x00", ""); s != "" {
			want.WriteString(s + "<next>")
		}
	}
	if string(out) != want.String() {
		t.Errorf("they wrote\n%.2000q, want\n%.2000q", out, want.String())
	}
}

func TestTheGuestReportsWhatFailed(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	me := strings.TrimSpace(run(t, "id", "-un"))
	group := strings.TrimSpace(run(t, "id", "-gn"))
	for name, c := range map[string]struct {
		asked    Customization
		said     string
		status   int
		programs map[string]string
		want     string
	}{
		"nothing": {Customization{Timezone: "UTC"}, "status: done", 0, nil, ""},
		"a command in the middle": {Customization{RunCommands: []string{"true", "exit 3", "touch " + ran}}, "", 0, nil,
			"run_commands[1] ended with exit status 3"},
		"cloud-init": {Customization{Timezone: "UTC"},
			"....\nstatus: error\ntime: x\ndetail:\n('timezone', OSError('Invalid\ttimezone %s \x1b[31m'))", 1, nil,
			`cloud-init: status: error time: x detail: ('timezone', OSError('Invalid timezone %s [31m'))`},
		"cloud-init, with warnings": {Customization{Timezone: "UTC"}, "status: degraded done", 2, nil, ""},
		"both": {Customization{RunCommands: []string{"nosuchprogram"}}, "status: error", 1, nil,
			"run_commands[0] ended with exit status 127; cloud-init: status: error"},
		"no cloud-init to ask": {Customization{Timezone: "UTC"}, "", 126, nil, "cloud-init: "},
		"a user that is not there": {Customization{
			Users: map[string]User{"no-such-user": {}}, RunCommands: []string{"touch " + ran},
		}, "", 0, nil,
			"users: no-such-user was not made"},
		"a user that was there": {Customization{
			Users: map[string]User{me: {Groups: []string{group, "nosuchgroup"}, Shell: "/bin/nosuchshell"}},
		}, "", 0, nil,
			"users: " + me + " does not have the shell /bin/nosuchshell, which the guest lacks, or the image has a " +
				"user of that name; users: " + me + " is not in the group nosuchgroup: the image has a user " +
				"of that name"},
		"a user as asked for": {Customization{Users: map[string]User{me: {Groups: []string{group}}}}, "", 0, nil, ""},
		"no nft": {Customization{OpenPorts: []int64{80}}, "", 0, nil,
			"open_ports needs nft, which the guest does not have: put nftables into its image or into " +
				"install_packages"},
	} {
		t.Run(name, func(t *testing.T) {
			console := ranGuest(t, &c.asked, unclear, c.said, c.status, c.programs)
			failure, reported := Report(console, "id")
			if failure != c.want || !reported {
				t.Errorf("the report is %q, %t, want %q, on\n%s", failure, reported, c.want, console)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Error("a command was run after a failure")
			}
		})
	}
}

// If cloud-init's notes have an end of all its stages and no error, its program is not asked; here
// it would report an error.
func TestTheGuestReportsByCloudInitsNotes(t *testing.T) {
	const stage, begun = `  "errors": [],
   "finished": 1700000002.5,
   "start": 1700000001.5
`, `  "errors": [],
   "finished": null,
   "start": 1700000001.5
`
	const none = `  "errors": [],
   "finished": null,
   "start": null
`
	const well, ill = "{\n \"v1\": {\n  \"errors\": []\n }\n}\n",
		"{\n \"v1\": {\n  \"errors\": [\n   \"so\"\n  ]\n }\n}\n"
	const asked = "cloud-init: asked"
	for name, test := range map[string]struct{ status, result, want string }{
		"all well":                {strings.Repeat(stage, 4), well, ""},
		"with a stage of no use":  {none + strings.Repeat(stage, 4), well, ""},
		"a stage without an end":  {begun + strings.Repeat(stage, 4), well, asked},
		"an error":                {strings.Repeat(stage, 4), ill, asked},
		"no notes of stages":      {"", well, asked},
		"notes that nobody knows": {"{}", "{}", asked},
	} {
		t.Run(name, func(t *testing.T) {
			notes := map[string]string{"result.json": test.result}
			if test.status != "" {
				notes["status.json"] = test.status
			}
			console := ranGuest(t, &Customization{Timezone: "UTC"}, notes, "asked", 1, nil)
			if failure, reported := Report(console, "id"); failure != test.want || !reported {
				t.Errorf("the report is %q, %t, want %q", failure, reported, test.want)
			}
		})
	}
}

// The report waits for the result, but for nothing if the last stage has died.
func TestTheReportWaitsForTheEndOfCloudInit(t *testing.T) {
	const dead = `[ "$1" != list-units ] || printf "cloud-final.service failed"`
	for name, test := range map[string]struct {
		while, systemctl string // what happens in a second, and what systemd knows
		want             int    // seconds
		report           string
	}{
		"it comes": {"[ $(cat slept) != ... ] || printf '' >result.json", "exit 1", 3, "cloud-init: asked"},
		"it comes late": {"[ $(cat slept) != ............ ] || printf '' >result.json", "exit 1", 12,
			"cloud-init: asked"},
		"it comes with a death": {"[ $(cat slept) != ......... ] || printf '' >result.json", dead, 9,
			"cloud-init: asked"},
		"it never comes": {"", dead, 9, "cloud-init: its last stage died: cloud-final.service failed"},
	} {
		slept := filepath.Join(t.TempDir(), "slept")
		sleep := "printf . >>" + slept + "\n" + strings.ReplaceAll(test.while, "slept", slept)
		console := ranGuest(t, &Customization{Timezone: "UTC"}, nil, "asked", 1, map[string]string{
			"sleep": sleep, "systemctl": test.systemctl,
		})
		if failure, reported := Report(console, "id"); failure != test.report || !reported {
			t.Errorf("%s: the report is %q, %t", name, failure, reported)
		}
		if waited, err := os.ReadFile(slept); err != nil || len(waited) != test.want {
			t.Errorf("%s: it waited %d s, %v, want %d", name, len(waited), err, test.want)
		}
	}
}

// The report covers what a template asks for, and the outcome of its commands before the
// customization's.
func TestTheGuestReportsOfItsTemplate(t *testing.T) {
	const well = "{\"v1\": {\"errors\": []}}"
	notes := map[string]string{"result.json": well, "status.json": strings.Repeat("\"start\": 1\n\"finished\": 2\n", 4)}
	failed := map[string]string{"result.json": "{}"}
	const runparts = "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))"
	asked := &Customization{RunCommands: []string{"true"}}
	for name, test := range map[string]struct {
		asked  *Customization
		args   []string
		notes  map[string]string
		status int
		want   string
	}{
		"all well": {nil, []string{""}, notes, 0, ""},
		"its last command failed": {
			nil, []string{""}, failed, 1, "cloud-init: status: error detail: " + runparts,
		},
		"with a customization": {asked, []string{"customize 0", ""}, notes, 0, ""},
		"a failure before the customization": {
			asked, []string{"customize 5", ""}, notes, 0,
			"runcmd: the command before run_commands ended with exit status 5",
		},
		"it left before the customization": {asked, []string{""}, notes, 0,
			"the customization was not carried out: runcmd ended before it, by exit, exec or set -e, or the guest " +
				"was restarted"},
	} {
		t.Run(name, func(t *testing.T) {
			console := ranScript(t, test.asked.script("id"), test.args, test.notes, "status: error\ndetail:\n"+runparts,
				test.status, nil)
			if failure, reported := Report(console, "id"); failure != test.want || !reported {
				t.Errorf("the report is %q, %t, want %q", failure, reported, test.want)
			}
		})
	}
}

// An instance whose disk came from another's does not report in that one's name.
func TestTheScriptOfAnotherInstanceRemovesItself(t *testing.T) {
	g := newFakeGuest(t, (*Customization)(nil).script("another"))
	g.prepare(map[string]string{"result.json": "{}"}, map[string]string{"cloud-init": "exit 1"})
	if err := g.run(""); err != nil || g.console() != "" || g.keepsScript() {
		t.Errorf("it ends with %v, has written %q, and is still there: %t", err, g.console(), g.keepsScript())
	}
}

// A guest that shuts down, or crashes, in its first boot reports at once, or at its next boot. The
// notes of the next boot say nothing of the first.
func TestAGuestThatRestartsReportsOfItsFirstBoot(t *testing.T) {
	const stage = "  \"errors\": [],\n   \"finished\": 2.5,\n   \"start\": 1.5\n"
	const broken = "  \"errors\": [\n    \"('scripts_user', RuntimeError('Runparts: 1 failures [runcmd]'))\"\n   " +
		"],\n   \"finished\": 2.5,\n   \"start\": 1.5\n"
	const begun = "  \"errors\": [],\n   \"finished\": null,\n   \"start\": 1.5\n"
	const errors = `cloud-init: "errors": [ "('scripts_user', RuntimeError('Runparts: 1 failures [runcmd]'))" ],`
	// A signal that ends the report's process ends its programs, too.
	const ends = "printf '' >>slept\nkill -%s $PPID"
	const asking = "echo $PPID >reporter"
	shutdown, crash := fmt.Sprintf(ends, "TERM")+"\nexit 143", fmt.Sprintf(ends, "KILL")
	well := map[string]string{"status.json": strings.Repeat(stage, 4), "result.json": "{\"errors\": []}"}
	for name, test := range map[string]struct {
		asked   *Customization
		args    []string // of the first boot
		status  string   // it has come to its end by then
		result  bool     // it has come to its end by then
		sleep   string
		atOnce  bool // the report comes in the first boot
		failure string
	}{
		"nothing had failed":   {nil, []string{""}, stage + stage + begun, false, shutdown, false, ""},
		"something had failed": {nil, []string{""}, stage + broken + begun, false, shutdown, false, errors},
		"all was over":         {nil, []string{""}, strings.Repeat(stage, 4), true, shutdown, true, ""},
		"all was over, and had failed": {
			nil, []string{""}, strings.Repeat(stage, 3) + broken, true, shutdown, true, errors,
		},
		"all was over, and it was asked": {
			nil, []string{""}, strings.Repeat(stage, 3) + broken, true, asking, true, errors,
		},
		"it crashed": {
			nil, []string{""}, strings.Repeat(stage, 3) + begun, false, crash, false,
			"the guest was restarted in its first boot without a shutdown, by a crash or by force, so what failed " +
				"until then is not known",
		},
		"the customization was over": {
			&Customization{RunCommands: []string{"true"}}, []string{"customize 0", ""}, stage + begun, false, shutdown,
			false, "",
		},
		"the customization had failed": {
			&Customization{RunCommands: []string{"false"}}, []string{"customize 0", ""}, stage + begun, false, shutdown,
			false, "run_commands[0] ended with exit status 1",
		},
		"the customization never began": {
			&Customization{RunCommands: []string{"true"}}, []string{""}, stage + begun, false, shutdown, false,
			"the customization was not carried out: runcmd ended before it, by exit, exec or set -e, or the guest " +
				"was restarted",
		},
		"systemd has ended the last stage": {
			nil, []string{""}, stage + begun, false, "printf . >>slept\n[ $(cat slept) != ........... ] || {\n" +
				shutdown + "\n}", false, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newFakeGuest(t, test.asked.script("id"))
			sleep := test.sleep
			if test.result {
				sleep = "printf '{}' >result.json\n" + sleep
			}
			// systemd considers a stage that it ended as failed.
			const systemctl = "case $* in *is-failed*) ;; is-system-running) echo stopping; exit 1 ;; *) echo " +
				"unasked ;; esac"
			g.prepare(map[string]string{"status.json": test.status}, map[string]string{
				"sleep": sleep, "systemctl": systemctl, "cloud-init": "kill -TERM $(cat reporter)\nexit 143",
			})
			for _, arg := range test.args {
				_ = g.run(arg) // another test covers what cloud-init sees of it
			}
			if first := g.console(); (first != "") != test.atOnce || g.keepsScript() == test.atOnce {
				t.Errorf("the first boot reports %q, and the script is kept: %t", first, g.keepsScript())
			}
			if !test.atOnce {
				g.prepare(well, nil)
				if err := g.run(""); err != nil {
					t.Errorf("the second boot ends with %v", err)
				}
			}
			if failure, reported := Report(g.console(), "id"); failure != test.failure || !reported {
				t.Errorf("the report is %q, %t, want %q", failure, reported, test.failure)
			}
			if g.keepsScript() {
				t.Error("the script is left after the report")
			}
		})
	}
}

func run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).Output()
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return string(out)
}

func TestAReportIsFoundOnTheConsole(t *testing.T) {
	mark := ReportMark("id")
	for name, c := range map[string]struct {
		console  string
		failure  string
		reported bool
	}{
		"nothing":          {"login: ", "", false},
		"all well":         {"login: \r\n" + mark + ": ok.\r\n", "", true},
		"a failure":        {"x\n" + mark + ": failed: a. b: c.\nx\n", "a. b: c", true},
		"half a line":      {"\n" + mark + ": failed: a. b", "", false},
		"a whole one next": {"\n" + mark + ": o[  12.3] eth0: up\nk.\n\n" + mark + ": ok.\n", "", true},
		"a mark in a mark": {mark + mark + ": ok.\n", "", true},
		"of another":       {ReportMark("other") + ": ok.\n" + ReportMark("id2") + ": failed: x.\n", "", false},
	} {
		if failure, reported := Report(c.console, "id"); failure != c.failure || reported != c.reported {
			t.Errorf("%s: %q, %t", name, failure, reported)
		}
	}
}

func TestPortsAreWrittenAsRanges(t *testing.T) {
	for want, ports := range map[string][]int64{
		"": {}, "80": {80}, "80-81": {81, 80, 80}, "1,3-5,7,65534-65535": {65535, 4, 3, 7, 1, 5, 65534},
	} {
		if got := strings.Join(portRanges(ports), ","); got != want {
			t.Errorf("%v are %q, want %q", ports, got, want)
		}
	}
	var all []int64
	for port := range int64(65535) {
		all = append(all, port+1)
	}
	slices.Reverse(all)
	got := firewallRules(all)
	if !strings.Contains(got, "tcp dport { 1-65535 } accept\n    udp dport { 1-65535 } accept\n") {
		t.Errorf("all ports are\n%s", got)
	}
	if got := firewallRules(nil); strings.Contains(got, "{ }") || !strings.Contains(got, "tcp dport 22 accept\n  }") {
		t.Errorf("no ports are\n%s", got)
	}
}
