// Package agenttest has a guest agent in memory, for tests of what asks one.
package agenttest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
)

// Agent is the guest agent of a guest without cloud-init that runs scripts at once.
type Agent struct {
	// Run returns what a script that is run by Agent.Script writes to its standard output, and its exit
	// status; nil for nothing and 0.
	Run func(uuid, script string) (stdout string, status int)

	mu      sync.Mutex
	results []string // answers to guest-exec-status, by process number
}

// exitNotFound is the exit status of a shell that does not find a program.
const exitNotFound = 127

// Command answers a command, as fakehost.Host.Agent does.
func (a *Agent) Command(uuid, command string) (string, error) {
	var c struct {
		Execute   string
		Arguments struct {
			PID   int    `json:"pid"`
			Input []byte `json:"input-data"`
		}
	}
	if err := json.Unmarshal([]byte(command), &c); err != nil {
		return "", err
	}
	switch c.Execute {
	case "guest-exec":
		stdout, status := "", exitNotFound
		if len(c.Arguments.Input) > 0 {
			status = 0
			if a.Run != nil {
				stdout, status = a.Run(uuid, string(c.Arguments.Input))
			}
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.results = append(a.results, fmt.Sprintf(`{"return":{"exited":true,"exitcode":%d,"out-data":%q}}`, status,
			base64.StdEncoding.EncodeToString([]byte(stdout))))
		return fmt.Sprintf(`{"return":{"pid":%d}}`, len(a.results)), nil
	case "guest-exec-status":
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.results[c.Arguments.PID-1], nil
	case "guest-network-get-interfaces":
		return `{"return":[]}`, nil
	}
	return `{"return":{}}`, nil
}
