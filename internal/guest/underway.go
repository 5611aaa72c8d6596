package guest

import (
	"encoding/json"
	"fmt"
)

// runDirectory is where cloud-init keeps what it knows of the present boot, as links that end with it.
const runDirectory = "/run/cloud-init"

// askOrRead is a script that prints cloud-init's own notes while it is under way, and else runs it with the arguments
// given: its program takes a second of a guest that is busy booting, and an emulated one ten. Notes are there from its first
// stage on, the result after the last. Whether one of its units died, which the notes do not tell, newer versions find out.
func askOrRead(directory string) string {
	return fmt.Sprintf(`cd %s 2>/dev/null && test -e status.json && ! test -e result.json &&
! systemctl --quiet is-failed 'cloud-*' 2>/dev/null && cat status.json 2>/dev/null && exit
%s`, directory, ask)
}

// ask runs cloud-init with the arguments given.
const ask = `exec cloud-init "$@"`

// parseNotes reads the notes of askOrRead: cloud-init is running, or a stage of it has failed. Anything else is no notes.
func parseNotes(output string) (report CloudInit, isNotes bool) {
	var notes struct {
		V1 *struct {
			Stage string `json:"stage"` // "" between stages
			stageReports
		} `json:"v1"`
	}
	if json.Unmarshal([]byte(output), &notes) != nil || notes.V1 == nil {
		return CloudInit{}, false
	}
	if stage, messages := notes.V1.failures(CloudInitError); stage != "" {
		return CloudInit{Status: CloudInitError, FailedStage: stage, Errors: messages}, true
	}
	report.Status = CloudInitRunning
	if notes.V1.Stage != "" {
		report.Detail = "Running in stage: " + notes.V1.Stage
	}
	return report, true
}
