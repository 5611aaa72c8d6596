package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// RunDirectory is where cloud-init keeps its state of the present boot, as links that disappear
// with it.
const RunDirectory = "/run/cloud-init"

// askOrRead is a script that prints cloud-init's own notes if there are any, and otherwise runs
// cloud-init with the given arguments: the program takes a second in a guest that is busy booting,
// and ten in an emulated one. The notes exist from the first stage on, the result after the last.
// The notes do not say whether one of its units died; newer versions find that out.
func askOrRead(directory string) string {
	return fmt.Sprintf(
		`cd %s 2>/dev/null && test -e status.json && ! systemctl --quiet is-failed 'cloud-*' 2>/dev/null &&
{ cat status.json result.json 2>/dev/null; exit 0; }
%s`, directory, ask)
}

// ask runs cloud-init with the given arguments.
const ask = `exec cloud-init "$@"`

// parseNotes reads the notes of askOrRead: cloud-init is running, or it is done, or the status is
// CloudInitError. That stands for everything that cloud-init's program has to judge itself: what it
// means that a stage failed, or only warned, or did not end. isNotes is false for any other text.
func parseNotes(output string) (report CloudInit, isNotes bool) {
	var notes struct {
		V1 *struct {
			Stage string `json:"stage"` // "" between stages
			stageReports
		} `json:"v1"`
	}
	var result struct {
		V1 struct {
			DataSource string `json:"datasource"`
			stageReport
		} `json:"v1"`
	}
	files := json.NewDecoder(strings.NewReader(output))
	if files.Decode(&notes) != nil || notes.V1 == nil {
		return CloudInit{}, false
	}
	failed, _ := notes.V1.failures(CloudInitError)
	_, messages := notes.V1.failures(CloudInitDegraded)
	switch err := files.Decode(&result); {
	case failed == "" && errors.Is(err, io.EOF):
		report.Status = CloudInitRunning
		if notes.V1.Stage != "" {
			report.Detail = "Running in stage: " + notes.V1.Stage
		}
	case err == nil && notes.V1.ended() && len(messages)+len(result.V1.messages()) == 0:
		report = CloudInit{Status: CloudInitDone, Detail: result.V1.DataSource}
	default:
		report.Status = CloudInitError
	}
	return report, true
}
