package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoCloudInit says that the guest has no cloud-init in its PATH.
var ErrNoCloudInit = errors.New("the guest has no cloud-init")

// CloudInitStatus is how far cloud-init got.
type CloudInitStatus string

// The states of "cloud-init status". Newer versions spell some of them differently ("not started",
// "degraded done"); these stand for both.
const (
	CloudInitNotRun   CloudInitStatus = "not run"
	CloudInitRunning  CloudInitStatus = "running"
	CloudInitDone     CloudInitStatus = "done"
	CloudInitDegraded CloudInitStatus = "degraded" // done, with recoverable errors
	CloudInitError    CloudInitStatus = "error"    // may still be running
	CloudInitDisabled CloudInitStatus = "disabled"
)

// statusWords are what cloud-init prints as status or extended_status, see
// cloudinit/cmd/status.py of 22.4 and of 24.1.
var statusWords = map[string]CloudInitStatus{
	"not run":          CloudInitNotRun,
	"not started":      CloudInitNotRun,
	"running":          CloudInitRunning,
	"degraded running": CloudInitRunning,
	"done":             CloudInitDone,
	"degraded done":    CloudInitDegraded,
	"error":            CloudInitError,
	"disabled":         CloudInitDisabled,
}

// CloudInit is what cloud-init reports of its run.
type CloudInit struct {
	Status CloudInitStatus
	// Detail is cloud-init's own description, such as its data source.
	Detail string
	// FailedStage is the first stage with errors: "init-local", "init", "modules-init",
	// "modules-config" or "modules-final". It is "" if none failed or none is known.
	FailedStage string
	// Errors are in the order of stages; recoverable ones begin with their level,
	// as in "WARNING: …".
	Errors []string
}

// exitNotFound is the exit code of a POSIX shell for a command that is not found.
const exitNotFound = 127

// exitUsage is the exit code of Python's argparse for an unknown option.
const exitUsage = 2

// CloudInitStatus asks cloud-init how far it is; it does not wait for it. If something failed, it
// also finds out in which stage. It returns ErrNoCloudInit for a guest without cloud-init.
func (a *Agent) CloudInitStatus(ctx context.Context) (CloudInit, error) {
	report, err := a.cloudInitStatus(ctx)
	if err != nil {
		return CloudInit{}, fmt.Errorf("asking cloud-init for its status: %w", err)
	}
	failed := report.Status == CloudInitError || report.Status == CloudInitDegraded
	if failed && (report.FailedStage == "" || len(report.Errors) == 0) {
		a.explain(ctx, &report)
	}
	return report, nil
}

func (a *Agent) cloudInitStatus(ctx context.Context) (CloudInit, error) {
	result, err := a.execCloudInit(ctx, askOrRead(RunDirectory), "status", "--format", "json")
	if err != nil {
		return CloudInit{}, err
	}
	if report, isNotes := parseNotes(result.Stdout); isNotes {
		if report.Status != CloudInitError {
			return report, nil
		}
		if result, err = a.execCloudInit(ctx, ask, "status", "--format", "json"); err != nil {
			return CloudInit{}, err
		}
	}
	if result.ExitCode == exitUsage && result.Stdout == "" {
		// Versions before Debian 12's have no --format.
		if result, err = a.execCloudInit(ctx, ask, "status", "--long"); err != nil {
			return CloudInit{}, err
		}
		report, err := parseLongStatus(result.Stdout)
		return report, withResult(err, result)
	}
	// The report includes everything that the exit code says.
	report, err := parseStatus(result.Stdout)
	return report, withResult(err, result)
}

// execCloudInit runs cloud-init through a shell script: if a program is not found, the agent says
// so only in words, but a shell by an exit code.
func (a *Agent) execCloudInit(ctx context.Context, script string, args ...string) (Result, error) {
	result, err := a.Exec(ctx, "sh", append([]string{"-c", script, "sh"}, args...)...)
	if err == nil && result.ExitCode == exitNotFound {
		err = ErrNoCloudInit
	}
	return result, err
}

// withResult adds to an error what cloud-init itself reported.
func withResult(err error, result Result) error {
	if err == nil {
		return nil
	}
	const most = 500
	said := strings.TrimSpace(result.Stderr)
	if len(said) > most {
		said = "…" + strings.ToValidUTF8(said[len(said)-most:], "")
	}
	if said == "" {
		said = "nothing"
	}
	return fmt.Errorf("%w (exit code %d, standard error: %s)", err, result.ExitCode, said)
}

// stageReport is a stage in cloud-init's status.json, and the whole run in result.json.
type stageReport struct {
	Errors            []string            `json:"errors"`
	RecoverableErrors map[string][]string `json:"recoverable_errors"` // by log level; since 23.4
	Start             any                 `json:"start"`              // a time, nil before it; of a stage
	Finished          any                 `json:"finished"`
}

// messages are the errors that count for a status: a degraded run has only recoverable ones.
func (s stageReport) messages() []string {
	messages := slices.Clone(s.Errors)
	for _, level := range []string{"CRITICAL", "ERROR", "WARNING", "DEPRECATED"} {
		for _, message := range s.RecoverableErrors[level] {
			messages = append(messages, level+": "+message)
		}
	}
	return messages
}

// stageReports are the stages in the order in which they run.
type stageReports struct {
	InitLocal     stageReport `json:"init-local"`
	Init          stageReport `json:"init"`
	ModulesInit   stageReport `json:"modules-init"`
	ModulesConfig stageReport `json:"modules-config"`
	ModulesFinal  stageReport `json:"modules-final"`
}

// namedStage is a stage with its name.
type namedStage struct {
	name string
	stageReport
}

func (s stageReports) all() []namedStage {
	return []namedStage{
		{"init-local", s.InitLocal},
		{"init", s.Init},
		{"modules-init", s.ModulesInit},
		{"modules-config", s.ModulesConfig},
		{"modules-final", s.ModulesFinal},
	}
}

// ended reports whether the last stage is over, and so is each stage that has begun.
func (s stageReports) ended() bool {
	return s.ModulesFinal.Finished != nil && !slices.ContainsFunc(s.all(), func(stage namedStage) bool {
		return stage.Start != nil && stage.Finished == nil
	})
}

// failures returns the first stage that failed and the errors of all stages. Errors outweigh
// recoverable ones: a stage that only warned did not make the run fail.
func (s stageReports) failures(status CloudInitStatus) (failed string, messages []string) {
	for _, stage := range s.all() {
		found := stage.messages()
		if status == CloudInitError {
			found = stage.Errors
		}
		if len(found) > 0 && failed == "" {
			failed = stage.name
		}
		messages = append(messages, found...)
	}
	return failed, messages
}

// parseStatus reads the output of "cloud-init status --format json". The output of 22.4 has the
// errors of all stages in one list; newer versions also list the stages.
func parseStatus(output string) (CloudInit, error) {
	var answer struct {
		Status         string `json:"status"`
		ExtendedStatus string `json:"extended_status"`
		Detail         string `json:"detail"`
		stageReport
		stageReports
	}
	if err := json.Unmarshal([]byte(output), &answer); err != nil {
		return CloudInit{}, fmt.Errorf("its report is not the JSON expected: %w", err)
	}
	status, err := statusOf(answer.Status)
	if err != nil {
		return CloudInit{}, err
	}
	if statusWords[answer.ExtendedStatus] == CloudInitDegraded {
		status = CloudInitDegraded
	}
	report := CloudInit{Status: status, Detail: answer.Detail}
	if status != CloudInitError && status != CloudInitDegraded {
		return report, nil
	}
	if report.FailedStage, report.Errors = answer.failures(status); len(report.Errors) == 0 {
		report.Errors = answer.Errors
		if status == CloudInitDegraded {
			report.Errors = answer.messages()
		}
	}
	return report, nil
}

// parseLongStatus reads the output of "cloud-init status --long": a line "status: …"
// and, last, "detail:" with the description on the lines after it.
func parseLongStatus(output string) (CloudInit, error) {
	head, detail, _ := strings.Cut(output, "\ndetail:")
	for line := range strings.Lines(head) {
		word, found := strings.CutPrefix(line, "status:")
		if !found {
			continue
		}
		status, err := statusOf(strings.TrimSpace(word))
		return CloudInit{Status: status, Detail: strings.TrimSpace(detail)}, err
	}
	return CloudInit{}, errors.New("its report has no line with the status")
}

func statusOf(word string) (CloudInitStatus, error) {
	status, known := statusWords[word]
	if !known {
		return "", fmt.Errorf("its status %q is not one that is known", word)
	}
	return status, nil
}

// The files behind "cloud-init status", see
// https://docs.cloud-init.io/en/22.4.2/topics/boot.html and cloudinit/cmd/main.py.
const (
	statusFile = RunDirectory + "/status.json"
	resultFile = RunDirectory + "/result.json"
)

// explain adds the failed stage and the errors from cloud-init's own files. If they are missing or
// unreadable, the report keeps only the status.
func (a *Agent) explain(ctx context.Context, report *CloudInit) {
	var status struct {
		V1 stageReports `json:"v1"`
	}
	if a.readJSON(ctx, statusFile, &status) == nil {
		stage, messages := status.V1.failures(report.Status)
		if stage != "" {
			report.FailedStage, report.Errors = stage, messages
		}
	}
	if len(report.Errors) > 0 {
		return
	}
	var result struct {
		V1 stageReport `json:"v1"`
	}
	if a.readJSON(ctx, resultFile, &result) == nil {
		report.Errors = result.V1.messages()
	}
}

func (a *Agent) readJSON(ctx context.Context, path string, value any) error {
	result, err := a.Exec(ctx, "cat", path)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(result.Stdout), value)
}
