package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// RunDirectory is where cloud-init keeps what it knows of the present boot, as links that end with it.
const RunDirectory = "/run/cloud-init"

// askOrRead is a script that prints cloud-init's own notes where there are any, and else runs it with the arguments given:
// its program takes a second of a guest that is busy booting, and an emulated one ten. Notes are there from its first stage
// on, the result after the last. Whether one of its units died, which the notes do not tell, newer versions find out.
func askOrRead(directory string) string {
	return fmt.Sprintf(`cd %s 2>/dev/null && test -e status.json && ! systemctl --quiet is-failed 'cloud-*' 2>/dev/null &&
{ cat status.json result.json 2>/dev/null; exit 0; }
%s`, directory, ask)
}

// ask runs cloud-init with the arguments given.
const ask = `exec cloud-init "$@"`

// parseNotes reads the notes of askOrRead: cloud-init is running, it is done, or CloudInitError stands for all that it has to
// tell itself: what it comes to that a stage failed, or only warned, or has no end. Anything else is no notes.
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
