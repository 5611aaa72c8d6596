package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	runcmdFailed = "('scripts_user', RuntimeError('Runparts: 1 failures (runcmd) in 1 attempted commands'))"
	noCloud      = "DataSourceNoCloud [seed=/dev/sr0][dsmode=net]"
)

// status22 is what cloud-init 22.4 of Debian 12 prints as JSON: no stages.
func status22(status, detail string, errs ...string) string {
	report := map[string]any{
		"boot_status_code": "enabled-by-generator", "datasource": "nocloud", "detail": detail,
		"errors": slices.Concat([]string{}, errs), "last_update": "Thu, 01 Jan 1970 00:00:02 +0000", "status": status,
	}
	out, err := json.MarshalIndent(map[string]any{
		"_schema_version": "1", "schemas": map[string]any{"1": report},
		"boot_status_code": report["boot_status_code"], "datasource": report["datasource"], "detail": detail,
		"errors": report["errors"], "last_update": report["last_update"], "status": status,
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(out)
}

// status24 is what cloud-init 24.1 of Ubuntu 24.04 prints as JSON.
func status24(status, extended, stages string) string {
	return fmt.Sprintf(`{"boot_status_code": "enabled-by-generator", "datasource": "nocloud", "detail": %q,
		"errors": [], "recoverable_errors": {}, "extended_status": %q, "status": %q,
		"last_update": "Thu, 01 Jan 1970 00:00:02 +0000", "stage": null, %s}`, noCloud, extended, status, stages)
}

const (
	healthyStages = `"init-local": {"errors": [], "recoverable_errors": {}, "start": 1.0, "finished": 2.0},
		"init": {"errors": [], "recoverable_errors": {}, "start": 1.0, "finished": 2.0},
		"modules-config": {"errors": [], "recoverable_errors": {}, "start": 1.0, "finished": 2.0},
		"modules-final": {"errors": [], "recoverable_errors": {}, "start": 1.0, "finished": 2.0}`
	failedStages = `"init-local": {"errors": [], "recoverable_errors": {"WARNING": ["no config drive"]}},
		"init": {"errors": [], "recoverable_errors": {}},
		"modules-config": {"errors": ["apt is broken"], "recoverable_errors": {"ERROR": ["apt is broken"]}},
		"modules-final": {"errors": ["no nginx"], "recoverable_errors": {}}`
	warnedStages = `"init-local": {"errors": [], "recoverable_errors": {}},
		"init": {"errors": [], "recoverable_errors": {
			"WARNING": ["invalid key"], "DEPRECATED": ["old key"], "ERROR": ["odd"]}},
		"modules-config": {"errors": [], "recoverable_errors": {"WARNING": ["slow mirror"]}},
		"modules-final": {"errors": [], "recoverable_errors": {}}`
)

// execSteps are the commands that run one process, which leaves that result.
func execSteps(result Result, path string, args ...string) []step {
	command, err := json.Marshal(map[string]any{
		"execute": "guest-exec", "arguments": map[string]any{"path": path, "arg": args, "capture-output": true},
	})
	if err != nil {
		panic(err)
	}
	return []step{
		{command: string(command), answer: `{"return": {"pid": 5}}`},
		{command: `{"execute": "guest-exec-status", "arguments": {"pid": 5}}`, answer: fmt.Sprintf(
			`{"return": {"exited": true, "exitcode": %d, "out-data": %q, "err-data": %q}}`,
			result.ExitCode, encoded(result.Stdout), encoded(result.Stderr))},
	}
}

func scriptSteps(result Result, script string, args ...string) []step {
	return execSteps(result, "sh", append([]string{"-c", script, "sh"}, args...)...)
}

// longSteps ask cloud-init for its report in words; statusSteps ask for it as JSON, or for
// cloud-init's notes.
func longSteps(result Result) []step { return scriptSteps(result, ask, "status", "--long") }

func statusSteps(result Result) []step {
	return scriptSteps(result, askOrRead(RunDirectory), "status", "--format", "json")
}

func jsonStatus(exitCode int, stdout string) []step {
	return statusSteps(Result{ExitCode: exitCode, Stdout: stdout})
}

// result is cloud-init's result.json.
func result(dataSource string, errs ...string) string {
	out, err := json.Marshal(map[string]any{
		"v1": map[string]any{"datasource": dataSource, "errors": slices.Concat([]string{}, errs)},
	})
	if err != nil {
		panic(err)
	}
	return string(out)
}

func TestCloudInitStatus(t *testing.T) {
	type asked struct {
		steps []step
		want  CloudInit
	}
	// cannotTell are notes that leave the answer to cloud-init's program.
	cannotTell := func(notes string) asked {
		return asked{
			slices.Concat(jsonStatus(0, notes), scriptSteps(Result{Stdout: status22("running", "so it says")}, ask,
				"status", "--format", "json")),
			CloudInit{Status: CloudInitRunning, Detail: "so it says"},
		}
	}
	noFile := Result{ExitCode: 1, Stderr: "cat: No such file or directory"}
	usage := Result{ExitCode: 2, Stderr: "cloud-init: error: unrecognized arguments: --format json"}
	unitFailed := "Failed due to systemd unit failure."
	for name, test := range map[string]asked{
		"22.4, before it began": {
			jsonStatus(0, status22("not run", "enabled")), CloudInit{Status: CloudInitNotRun, Detail: "enabled"},
		},
		"22.4, on its way": {jsonStatus(0, status22("running", "Running in stage: init")),
			CloudInit{Status: CloudInitRunning, Detail: "Running in stage: init"}},
		"22.4, by its notes": {
			jsonStatus(0, `{"v1": {"datasource": null, "stage": "init",
				"init-local": {"errors": [], "start": 1.5, "finished": 2.5},
				"init": {"errors": [], "start": 3, "finished": null}}}`),
			CloudInit{Status: CloudInitRunning, Detail: "Running in stage: init"},
		},
		"24.1, by its notes, between stages": {
			jsonStatus(0, `{"v1": {"datasource": null, "stage": null, `+warnedStages+`}}`),
			CloudInit{Status: CloudInitRunning},
		},
		"22.4, done, by its notes": {
			jsonStatus(0, "{\n \"v1\": {\"stage\": null, \"modules-init\": {\"errors\": [], \"start\": null, "+
				"\"finished\": null}, "+healthyStages+"}\n}\n"+
				result(noCloud)), CloudInit{Status: CloudInitDone, Detail: noCloud},
		},
		"24.1, degraded, by its notes": {
			slices.Concat(
				jsonStatus(0, `{"v1": {"stage": null, `+healthyStages+
					`, "init": {"recoverable_errors": {"ERROR": ["odd"]}}}}`+result(noCloud)),
				scriptSteps(Result{ExitCode: 2, Stdout: status24("done", "degraded done", warnedStages)}, ask, "status",
					"--format", "json"),
			),
			CloudInit{
				CloudInitDegraded, noCloud, "init", []string{
					"ERROR: odd", "WARNING: invalid key", "DEPRECATED: old key", "WARNING: slow mirror",
				},
			},
		},
		"a result with errors, by its notes": cannotTell(`{"v1": {` + healthyStages + `}}` +
			result(noCloud, "no space left")),
		"a result before the last stage ended, by its notes": cannotTell(
			`{"v1": {"init": {"start": 1, "finished": 2}}}` + result(noCloud)),
		"a result and a stage that has no end, by its notes": cannotTell(`{"v1": {` + healthyStages +
			`, "init": {"start": 1, "finished": null}}}` + result(noCloud)),
		"a result that was being written, by its notes": cannotTell(`{"v1": {` + healthyStages + `}}{"v1`),
		"24.1, on its way after a stage that failed": {
			slices.Concat(
				jsonStatus(0, `{"v1": {"datasource": null, "stage": "modules-final", `+failedStages+`}}`),
				scriptSteps(Result{ExitCode: 1, Stdout: status24("running", "error - running", failedStages)}, ask,
					"status", "--format", "json"),
			),
			CloudInit{Status: CloudInitRunning, Detail: noCloud},
		},
		"22.4, done": {jsonStatus(0, status22("done", noCloud)), CloudInit{Status: CloudInitDone, Detail: noCloud}},
		"22.4, no seed": {jsonStatus(0, status22("disabled", "no data source")),
			CloudInit{Status: CloudInitDisabled, Detail: "no data source"}},
		"22.4, failed": {
			slices.Concat(
				jsonStatus(1, status22("error", runcmdFailed, runcmdFailed)),
				execSteps(Result{Stdout: `{"v1": {"datasource": null, "stage": null,
					"init": {"errors": [], "start": 1.5, "finished": null},
					"modules-final": {"errors": ["` + runcmdFailed + `"], "start": 1, "finished": 2}}}`}, "cat",
					statusFile),
			),
			CloudInit{CloudInitError, runcmdFailed, "modules-final", []string{runcmdFailed}},
		},
		"22.4, failed and its files are gone": {
			slices.Concat(jsonStatus(1, status22("error", runcmdFailed, runcmdFailed)),
				execSteps(noFile, "cat", statusFile)),
			CloudInit{CloudInitError, runcmdFailed, "", []string{runcmdFailed}},
		},
		"failed with the errors in its result only": {
			slices.Concat(
				jsonStatus(1, status22("error", "")),
				execSteps(Result{Stdout: `{"v1": {}}`}, "cat", statusFile),
				execSteps(Result{Stdout: `{"v1": {"datasource": null, "errors": ["no space left"]}}`}, "cat",
					resultFile),
			),
			CloudInit{CloudInitError, "", "", []string{"no space left"}},
		},
		"24.1, before it began": {jsonStatus(0, status24("not started", "not started", healthyStages)),
			CloudInit{Status: CloudInitNotRun, Detail: noCloud}},
		"24.1, on its way with warning": {jsonStatus(2, status24("running", "degraded running", warnedStages)),
			CloudInit{Status: CloudInitRunning, Detail: noCloud}},
		"24.1, done": {jsonStatus(0, status24("done", "done", healthyStages)),
			CloudInit{Status: CloudInitDone, Detail: noCloud}},
		"24.1, failed": {
			jsonStatus(1, status24("error", "error - done", failedStages)),
			CloudInit{CloudInitError, noCloud, "modules-config", []string{"apt is broken", "no nginx"}},
		},
		"24.1, degraded": {
			jsonStatus(2, status24("done", "degraded done", warnedStages)),
			CloudInit{
				CloudInitDegraded, noCloud, "init", []string{
					"ERROR: odd", "WARNING: invalid key", "DEPRECATED: old key", "WARNING: slow mirror",
				},
			},
		},
		"24.1, a unit failed before it could tell": {
			slices.Concat(
				jsonStatus(1, `{"status": "error", "extended_status": "error - done", "detail": "", "errors": ["`+
					unitFailed+`"]}`),
				execSteps(Result{Stdout: "{"}, "cat", statusFile),
			),
			CloudInit{CloudInitError, "", "", []string{unitFailed}},
		},
		"old, done": {
			slices.Concat(
				statusSteps(usage),
				longSteps(Result{Stdout: "status: done\ntime: Thu, 01 Jan 1970 00:00:02 +0000\ndetail:\n" +
					noCloud + "\n"}),
			),
			CloudInit{Status: CloudInitDone, Detail: noCloud},
		},
		"old, failed": {
			slices.Concat(
				statusSteps(usage),
				longSteps(Result{ExitCode: 1, Stdout: "status: error\ndetail:\nfirst\nstatus: second\n"}),
				execSteps(Result{
					Stdout: `{"v1": {"init": {"errors": ["first"]}, "modules-final": {"errors": ["status: second"]}}}`,
				}, "cat", statusFile),
			),
			CloudInit{CloudInitError, "first\nstatus: second", "init", []string{"first", "status: second"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := scripted(t, test.steps...).CloudInitStatus(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestCloudInitStatusIsKnownEvenIfTheAgentDiesAfterwards(t *testing.T) {
	steps := jsonStatus(1, status22("error", runcmdFailed, runcmdFailed))
	steps = append(steps, execSteps(Result{}, "cat", statusFile)[0])
	steps[2].err = errors.New("the guest shut down")
	got, err := scripted(t, steps...).CloudInitStatus(t.Context())
	if err != nil || got.Status != CloudInitError || !slices.Equal(got.Errors, []string{runcmdFailed}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCloudInitStatusThatCannotBeReadIsAnError(t *testing.T) {
	long := strings.Repeat("é", 600) + "the last words"
	for name, steps := range map[string][]step{
		"no JSON":                statusSteps(Result{ExitCode: 1, Stdout: "Traceback", Stderr: "the last words"}),
		"nothing":                statusSteps(Result{ExitCode: 1, Stderr: long}),
		"a status from the moon": statusSteps(Result{Stdout: `{"status": "waxing"}`, Stderr: "the last words"}),
		"an error list of errors": statusSteps(Result{
			Stdout: `{"status": "error", "errors": [{}]}`, Stderr: "the last words",
		}),
		"a long form without it": slices.Concat(statusSteps(Result{ExitCode: 2}),
			longSteps(Result{ExitCode: 2, Stderr: "the last words"})),
	} {
		got, err := scripted(t, steps...).CloudInitStatus(t.Context())
		switch {
		case err == nil:
			t.Errorf("%s: accepted as %+v", name, got)
		case !strings.Contains(err.Error(), "the last words") || len(err.Error()) > 1000:
			t.Errorf("%s: want what cloud-init said last, but not all of it: %v", name, err)
		}
	}
}

// localGuest runs the guest's commands on this machine, as qemu-ga would.
type localGuest struct {
	path string // its PATH
	last Result
}

func (g *localGuest) AgentCommand(ctx context.Context, command string, _ time.Duration) (string, error) {
	var request struct {
		Execute   string `json:"execute"`
		Arguments struct {
			Path string   `json:"path"`
			Arg  []string `json:"arg"`
		} `json:"arguments"`
	}
	if err := json.Unmarshal([]byte(command), &request); err != nil {
		return "", err
	}
	if request.Execute == "guest-exec-status" {
		answer, err := json.Marshal(map[string]any{"return": map[string]any{
			"exited": true, "exitcode": g.last.ExitCode, "out-data": encoded(g.last.Stdout),
			"err-data": encoded(g.last.Stderr),
		}})
		return string(answer), err
	}
	var stdout, stderr strings.Builder
	process := exec.CommandContext(ctx, request.Arguments.Path, request.Arguments.Arg...)
	process.Env = []string{"PATH=" + g.path}
	process.Stdout, process.Stderr = &stdout, &stderr
	if err := process.Run(); err != nil && process.ProcessState == nil {
		return "", err
	}
	g.last = Result{ExitCode: process.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	return `{"return": {"pid": 1}}`, nil
}

func TestAGuestWithoutCloudInitIsToldFromABrokenOne(t *testing.T) {
	if _, err := New(&localGuest{path: t.TempDir()}).CloudInitStatus(t.Context()); !errors.Is(err, ErrNoCloudInit) {
		t.Errorf("without cloud-init: got %v, want ErrNoCloudInit", err)
	}
	refused := step{
		command: jsonStatus(0, "")[0].command,
		answer:  `{"error": {"class": "CommandNotFound", "desc": "guest-exec is disabled"}}`,
	}
	var agentError *Error
	if _, err := scripted(t, refused).CloudInitStatus(t.Context()); !errors.As(err, &agentError) ||
		errors.Is(err, ErrNoCloudInit) {
		t.Errorf("with guest-exec disabled: got %v, want an *Error only", err)
	}
}

func TestCloudInitIsFoundInThePathOfTheGuest(t *testing.T) {
	bin := t.TempDir()
	program := "#!/bin/sh\n[ \"$*\" = 'status --format json' ] && echo '{\"status\": \"done\", \"detail\": \"ran\"}'\n"
	if err := os.WriteFile(filepath.Join(bin, "cloud-init"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := New(&localGuest{path: bin}).CloudInitStatus(t.Context())
	if err != nil || got.Status != CloudInitDone || got.Detail != "ran" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzCloudInitStatus(f *testing.F) {
	f.Add(status22("error", runcmdFailed, runcmdFailed))
	f.Add(status24("done", "degraded done", warnedStages))
	f.Add(status24("error", "error - done", failedStages))
	f.Add("status: error\ndetail:\nfirst\n")
	f.Add("detail:\nstatus: done\n")
	f.Add(`{"status": "error", "init": null, "errors": null, "recoverable_errors": {"X": null}}`)
	f.Add(`{"v1": {"stage": "init", ` + healthyStages + `}}`)
	f.Add(`{"v1": {"stage": null, ` + failedStages + `}}`)
	f.Add(`{"v1": {"stage": null, ` + healthyStages + `}}` + result(noCloud))
	known := []CloudInitStatus{
		CloudInitNotRun, CloudInitRunning, CloudInitDone, CloudInitDegraded, CloudInitError, CloudInitDisabled,
	}
	f.Fuzz(func(t *testing.T, output string) {
		notes := func(output string) (CloudInit, error) {
			report, isNotes := parseNotes(output)
			if !isNotes {
				return report, errors.ErrUnsupported
			}
			return report, nil
		}
		for name, parse := range map[string]func(string) (CloudInit, error){
			"json": parseStatus, "long": parseLongStatus, "notes": notes,
		} {
			report, err := parse(output)
			if err != nil {
				continue
			}
			if !slices.Contains(known, report.Status) {
				t.Errorf("%s: status %q has no meaning", name, report.Status)
			}
			failed := report.Status == CloudInitError || report.Status == CloudInitDegraded
			if !failed && (report.FailedStage != "" || len(report.Errors) > 0) {
				t.Errorf("%s: %s with a failure: %+v", name, report.Status, report)
			}
			if report.FailedStage != "" && len(report.Errors) == 0 {
				t.Errorf("%s: stage %s failed without an error", name, report.FailedStage)
			}
			if name != "notes" && !strings.Contains(output, string(report.Status)) &&
				report.Status != CloudInitNotRun && !strings.Contains(output, `\`) {
				t.Errorf("%s: status %q is not in the output", name, report.Status)
			}
		}
	})
}
