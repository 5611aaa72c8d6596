package resume

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// killed is a guest whose lane has begun, and then ended as systemd says.
func killed(t *testing.T, how, systemIs string) fakeRoot {
	t.Helper()
	r := newFakeRoot(t)
	r.write("/bin/systemctl", "#!/bin/sh\necho "+systemIs)
	if err := os.Chmod(r.path("/bin/systemctl"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.write("/run/novacron/waiting", "7\n")
	r.write("/proc/7/comm", "")
	script, _ := personalised(t, Person{UUID: uuid, Seed: person().Seed}, clouded, LanePlain)
	if _, errs, err := r.run(script); err != nil {
		t.Fatal(err, errs)
	}
	if got := r.read("/run/novacron/go"); got != "plain\n" {
		t.Fatalf("the lane was begun by %q", got)
	}
	switch how {
	case "over":
		r.write("/var/lib/cloud/data/result.json", "{}")
		how = "SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=0"
	case "stage":
		r.write("/run/novacron/killed", "cloud-init's stage init was ended by the signal 9\n")
		how = "SERVICE_RESULT=exit-code EXIT_CODE=exited EXIT_STATUS=1"
	}
	// What is in the guest has its paths already.
	if _, errs, err := r.run(how + "\n" + r.read("/run/novacron/ended")); err != nil || errs != "" {
		t.Fatalf("it ended with %v and %q", err, errs)
	}
	return r
}

// A lane that was killed is reported, with what ended it, and cloud-init's notes do not say for ever
// that it runs.
func TestALaneThatIsKilledIsReported(t *testing.T) {
	for how, want := range map[string]string{
		"SERVICE_RESULT=oom-kill EXIT_CODE=killed EXIT_STATUS=TERM":  "the guest ran out of memory",
		"SERVICE_RESULT=signal EXIT_CODE=killed EXIT_STATUS=KILL":    "it was ended by the signal KILL",
		"SERVICE_RESULT=core-dump EXIT_CODE=dumped EXIT_STATUS=SEGV": "it was ended by the signal SEGV",
		"SERVICE_RESULT=exit-code EXIT_CODE=exited EXIT_STATUS=3":    "it ended with exit status 3",
		"SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=0":      "one of its processes was killed",
		"stage": "cloud-init's stage init was ended by the signal 9",
	} {
		r := killed(t, how, "running")
		want = "what personalises the guest ended before it was done: " + want
		if failure, _ := guest.Report(r.read("/dev/ttyS0"), "id"); failure != want {
			t.Errorf("%s: its report is %q, want %q", how, failure, want)
		}
		var notes struct {
			V1 map[string]struct {
				Errors   []string
				Finished *float64
			}
		}
		var result struct{ V1 struct{ Errors []string } }
		status := strings.Replace(r.read("/run/cloud-init/status.json"), `"stage": null`, `"stage": {}`, 1)
		status = strings.Replace(status, `"datasource": null`, `"datasource": {}`, 1)
		if err := json.Unmarshal([]byte(status), &notes); err != nil {
			t.Fatalf("%s: %v\n%s", how, err, status)
		}
		if err := json.Unmarshal([]byte(r.read("/run/cloud-init/result.json")), &result); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		for stage, errors := range map[string]string{"init-local": want, "modules-final": ""} {
			of := notes.V1[stage]
			if of.Finished == nil || strings.Join(of.Errors, ", ") != errors {
				t.Errorf("%s: of %s there is noted %+v", how, stage, of)
			}
		}
		if strings.Join(result.V1.Errors, ", ") != want {
			t.Errorf("%s: the result is %q", how, result.V1.Errors)
		}
	}
}

// A lane that is over has reported itself, and one that a shutdown ends goes on at the next boot.
func TestALaneThatWasNotKilledIsNotReported(t *testing.T) {
	for how, systemIs := range map[string]string{
		"over": "running",
		"SERVICE_RESULT=success EXIT_CODE=killed EXIT_STATUS=TERM": "stopping",
	} {
		r := killed(t, how, systemIs)
		if said := r.read("/dev/ttyS0"); said != "" {
			t.Errorf("%s: it says %q", how, said)
		}
	}
}

// No stage of cloud-init runs after one that was killed, and it is noted which one that was. One that
// fails is cloud-init's to report.
func TestAStageThatIsKilledIsTheLast(t *testing.T) {
	const want = "cloud-init's stage init --local was ended by the signal 9\n"
	for how, fails := range map[string]string{want: "kill -KILL $$", "": "exit 1"} {
		r := newFakeRoot(t)
		r.write("/run/systemd/system/x", "")
		r.write("/bin/cloud-init", "#!/bin/sh\necho \"$*\" >>"+r.dir+"/calls\n"+fails+"\n")
		if err := os.Chmod(r.path("/bin/cloud-init"), 0o755); err != nil {
			t.Fatal(err)
		}
		_, _, err := r.run(wrapped(cloudInitScript))
		last := strings.Contains(r.read("/calls"), "modules --mode=final")
		if got := r.read("/run/novacron/killed"); got != how || (err != nil) != (how != "") || last != (how == "") {
			t.Errorf("after %s: %v, %q is noted, and the last stage ran: %t", fails, err, got, last)
		}
	}
}

// So it is if the stages run in a process that has waited for that.
func TestAStageThatIsKilledIsTheLastOfTheProcessThatWaited(t *testing.T) {
	needs.Installed(t, "python3")
	const want = "cloud-init's stage init --local was ended by the signal 9\n"
	for how, fails := range map[string]string{want: "os.kill(os.getpid(), 9)", "": "sys.exit(1)"} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"cloudinit/__init__.py": "", "cloudinit/cmd/__init__.py": "",
			"cloudinit/cmd/main.py": "import os, sys\ndef main(args):\n    " + fails + "\n",
			"stages.py": strings.TrimSuffix(stagesProgram, "\nmain()\n") + "\nSTATE = " + `"` + dir + `"` +
				"\nstage('init', '--local')\nopen(STATE + '/next', 'w').close()\n",
		} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.CommandContext(t.Context(), "python3", filepath.Join(dir, "stages.py")).CombinedOutput()
		noted, _ := os.ReadFile(filepath.Join(dir, "killed"))
		_, next := os.Stat(filepath.Join(dir, "next"))
		if string(noted) != how || (err != nil) != (how != "") || (next == nil) != (how == "") {
			t.Errorf("after %s: %v, %q is noted, and the next stage: %v\n%s", fails, err, noted, next, out)
		}
	}
}
