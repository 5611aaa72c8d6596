package agent

import (
	"context"
	"errors"
	"testing"
	"time"
)

// FuzzAgentAnswers asks an agent that gives arbitrary answers: accepted answers make sense, and all
// others are errors.
func FuzzAgentAnswers(f *testing.F) {
	for _, answer := range []string{
		`{"return": {}}`, `{"return": null}`, `{"return": {"host-name": "web"}}`,
		`{"error": {"class": "GenericError", "desc": "no"}}`, `{}`, `[]`, ``,
		`{"return": [{"name": "eth0", "hardware-address": "52:54:00:12:34:56", "ip-addresses": [{"ip-address": ` +
			`"10.0.0.2", "prefix": 24}]}]}`,
		`{"return": [{"name": "eth0", "ip-addresses": [{"ip-address": "fe80::1%eth0", "prefix": 129}]}]}`,
		`{"return": {"pid": 7}}`, `{"return": {"exited": true, "exitcode": 1, "out-data": "aGVsbG8K", "err-data": ` +
			`"!", "out-truncated": true}}`,
		`{"return": {"exited": true, "signal": 9}}`, `{"return": {"exited": false}}`,
	} {
		f.Add(answer, `{"return": {"exited": true, "out-data": "aGVsbG8K"}}`)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		answers := []string{first, second}
		ended := errors.New("it asks without end")
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		asked := 0
		agent := New(transportFunc(func(context.Context, string, time.Duration) (string, error) {
			if asked++; asked >= len(answers) {
				cancel(ended) // a process that goes on is polled until then
			}
			return answers[min(asked, len(answers))-1], nil
		}))
		name, err := agent.HostName(ctx)
		if err != nil && name != "" {
			t.Errorf("the name is %q, with %v", name, err)
		}
		asked = 0
		interfaces, err := agent.Interfaces(ctx)
		if err != nil && interfaces != nil {
			t.Errorf("there are %v, with %v", interfaces, err)
		}
		for _, nic := range interfaces {
			for _, address := range nic.Addresses {
				if !address.IsValid() {
					t.Errorf("interface %q has %v", nic.Name, address)
				}
			}
		}
		asked = 0
		result, err := agent.Exec(ctx, "/bin/true")
		switch {
		case err != nil && result != Result{}:
			t.Errorf("the result is %+v, with %v", result, err)
		case len(result.Stdout) > maxOutput || len(result.Stderr) > maxOutput:
			t.Errorf("%d bytes of output are kept", len(result.Stdout)+len(result.Stderr))
		}
	})
}
