package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// script is a guest agent that expects these commands in this order.
type script struct {
	t     *testing.T
	steps []step
}

type step struct {
	command string // compared as JSON
	answer  string
	err     error
}

func (s *script) AgentCommand(_ context.Context, command string, timeout time.Duration) (string, error) {
	s.t.Helper()
	if timeout <= 0 || timeout > commandTimeout {
		s.t.Errorf("%s may take %s, want above zero and at most %s", command, timeout, commandTimeout)
	}
	if len(s.steps) == 0 {
		s.t.Errorf("nothing more was expected, but got %s", command)
		return "", errors.New("unexpected command")
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	var got, want any
	if err := json.Unmarshal([]byte(command), &got); err != nil {
		s.t.Errorf("the command %q is not JSON: %v", command, err)
	}
	if err := json.Unmarshal([]byte(next.command), &want); err != nil {
		s.t.Fatalf("the script's own %q is not JSON: %v", next.command, err)
	}
	if !reflect.DeepEqual(got, want) {
		s.t.Errorf("got  %s\nwant %s", command, next.command)
	}
	return next.answer, next.err
}

func scripted(t *testing.T, steps ...step) *Agent {
	s := &script{t: t, steps: steps}
	t.Cleanup(func() {
		if len(s.steps) > 0 && !t.Failed() {
			t.Errorf("these were expected too: %+v", s.steps)
		}
	})
	return New(s)
}

const pingCommand = `{"execute": "guest-ping"}`

func TestPing(t *testing.T) {
	if err := scripted(t, step{command: pingCommand, answer: `{"return": {}}`}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPingKeepsTheCauseOfItsFailure(t *testing.T) {
	broken := errors.New("agent is not connected")
	if err := scripted(t, step{command: pingCommand, err: broken}).Ping(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v, want one that wraps %v", err, broken)
	}
}

func TestErrorsAreTyped(t *testing.T) {
	agent := scripted(t, step{
		command: pingCommand, answer: `{"error": {"class": "CommandNotFound", "desc": "it is disabled"}}`,
	})
	err := agent.Ping(t.Context())
	var refused *Error
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if want := (Error{Command: "guest-ping", Class: "CommandNotFound", Desc: "it is disabled"}); *refused != want {
		t.Errorf("got %+v, want %+v", *refused, want)
	}
	if !strings.Contains(err.Error(), "block-rpcs") {
		t.Errorf("%q does not tell where a command is disabled", err)
	}
}

func TestMalformedAnswersAreErrors(t *testing.T) {
	for _, answer := range []string{
		"", "{}", "null", "[]", `{"return": {`, `{"return": "a text"}`, `{"return": {"host-name": 5}}`,
	} {
		agent := scripted(t, step{command: `{"execute": "guest-get-host-name"}`, answer: answer})
		if name, err := agent.HostName(t.Context()); err == nil {
			t.Errorf("%q: accepted as host name %q", answer, name)
		}
	}
}

func TestNothingIsSentOnceTheCallerGaveUp(t *testing.T) {
	gaveUp := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gaveUp)
	if err := scripted(t).Ping(ctx); !errors.Is(err, gaveUp) {
		t.Errorf("got %v, want one that wraps %v", err, gaveUp)
	}
}

func TestAgentCommandsEndWithTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var got time.Duration
		agent := New(transportFunc(func(_ context.Context, _ string, timeout time.Duration) (string, error) {
			got = timeout
			return `{"return": {}}`, nil
		}))
		if err := agent.Ping(ctx); err != nil {
			t.Error(err)
		}
		if got != 3*time.Second {
			t.Errorf("the command may take %s, but the caller has 3 s", got)
		}
	})
}

type transportFunc func(context.Context, string, time.Duration) (string, error)

func (f transportFunc) AgentCommand(ctx context.Context, command string, timeout time.Duration) (string, error) {
	return f(ctx, command, timeout)
}

func TestHostName(t *testing.T) {
	agent := scripted(t, step{
		command: `{"execute": "guest-get-host-name"}`, answer: `{"return": {"host-name": "web-1"}}`,
	})
	if name, err := agent.HostName(t.Context()); err != nil || name != "web-1" {
		t.Errorf("got %q, %v", name, err)
	}
}

func TestInterfaces(t *testing.T) {
	agent := scripted(t, step{command: `{"execute": "guest-network-get-interfaces"}`, answer: `{"return": [
		{"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [
			{"ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8},
			{"ip-address-type": "ipv6", "ip-address": "::1", "prefix": 128}]},
		{"name": "eth0", "hardware-address": "52:54:00:12:34:56", "statistics": {"rx-bytes": 1}, "ip-addresses": [
			{"ip-address-type": "ipv4", "ip-address": "192.168.122.7", "prefix": 24},
			{"ip-address-type": "ipv6", "ip-address": "fe80::5054:ff:fe12:3456", "prefix": 64}]},
		{"name": "sit0"}]}`})
	got, err := agent.Interfaces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Interface{
		{
			"lo", "00:00:00:00:00:00", []netip.Prefix{
				netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128"),
			},
		},
		{
			"eth0", "52:54:00:12:34:56", []netip.Prefix{
				netip.MustParsePrefix("192.168.122.7/24"), netip.MustParsePrefix("fe80::5054:ff:fe12:3456/64"),
			},
		},
		{"sit0", "", nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestInterfacesRefusesAddressesThatAreNone(t *testing.T) {
	for _, address := range []string{
		`"10.0.0.256", "prefix": 24`, `"10.0.0.1", "prefix": 33`, `"10.0.0.1", "prefix": -1`, `"", "prefix": 0`,
	} {
		agent := scripted(t, step{
			command: `{"execute": "guest-network-get-interfaces"}`,
			answer:  `{"return": [{"name": "eth0", "ip-addresses": [{"ip-address": ` + address + `}]}]}`,
		})
		if got, err := agent.Interfaces(t.Context()); err == nil || !strings.Contains(err.Error(), `"eth0"`) {
			t.Errorf("%s: got %v, %v; want an error that names the interface", address, got, err)
		}
	}
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestExecWaitsForTheProcessWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const status = `{"execute": "guest-exec-status", "arguments": {"pid": 812}}`
		steps := []step{
			{
				command: `{"execute": "guest-exec", "arguments": {"path": "ls", "arg": ["-l", "/a b"], ` +
					`"capture-output": true}}`, answer: `{"return": {"pid": 812}}`,
			},
		}
		for range 20 {
			steps = append(steps, step{command: status, answer: `{"return": {"exited": false}}`})
		}
		steps = append(steps, step{command: status, answer: fmt.Sprintf(
			`{"return": {"exited": true, "exitcode": 2, "out-data": %q, "err-data": %q}}`,
			encoded("out\x00\n"), encoded("err"))})
		start := time.Now()
		got, err := scripted(t, steps...).Exec(t.Context(), "ls", "-l", "/a b")
		if err != nil {
			t.Fatal(err)
		}
		if want := (Result{ExitCode: 2, Stdout: "out\x00\n", Stderr: "err"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		// 200 ms in four pauses, then a quarter more with each, and a second at most from 4 s on.
		if waited := time.Since(start); waited < 6500*time.Millisecond || waited > 6700*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestScriptsAreOnStandardInputAlone(t *testing.T) {
	const status = `{"execute": "guest-exec-status", "arguments": {"pid": 5}}`
	secret := "echo 'secret'\n"
	start := step{
		command: `{"execute": "guest-exec", "arguments": {"path": "/bin/sh", "input-data": "` + encoded(secret) +
			`", "capture-output": true}}`,
		answer: `{"return": {"pid": 5}}`,
	}
	got, err := scripted(t, start, step{
		command: status, answer: `{"return": {"exited": true, "exitcode": 4, "err-data": "` + encoded("no") + `"}}`,
	}).Script(t.Context(), secret)
	if want := (Result{ExitCode: 4, Stderr: "no"}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	const refusal = `{"error": {"class": "GenericError", "desc": "no"}}`
	for name, steps := range map[string][]step{
		"refused":        {{command: start.command, answer: refusal}},
		"forgotten":      {start, {command: status, answer: refusal}},
		"not understood": {start, {command: status, answer: `{"return": {"exited": true, "out-data": "?"}}`}},
	} {
		_, err := scripted(t, steps...).Script(t.Context(), secret)
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), encoded(secret)) {
			t.Errorf("%s: got %v, want an error without the script", name, err)
		}
	}
}

// A script goes on while the agent does not answer.
func TestAScriptOutlastsASilentAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := errors.New("the agent does not answer")
		start := step{
			command: `{"execute": "guest-exec", "arguments": {"path": "/bin/sh", "input-data": "` + encoded("true") +
				`", "capture-output": true}}`,
			answer: `{"return": {"pid": 1}}`,
		}
		const status = `{"execute": "guest-exec-status", "arguments": {"pid": 1}}`
		lost, ended := step{command: status, err: silent}, step{command: status, answer: `{"return": {"exited": true}}`}
		if _, err := scripted(t, start, lost, lost, ended).Script(t.Context(), "true"); err != nil {
			t.Error(err)
		}
		began := time.Now()
		_, err := New(transportFunc(func(_ context.Context, command string, _ time.Duration) (string, error) {
			if strings.Contains(command, "guest-exec-status") {
				return "", silent
			}
			return start.answer, nil
		})).Script(t.Context(), "true")
		if waited := time.Since(began); !errors.Is(err, silent) || waited < patience || waited > patience+lastPoll {
			t.Errorf("after %s: %v", waited, err)
		}
		if _, err := scripted(t, step{
			command: `{"execute": "guest-exec", "arguments": {"path": "true", "capture-output": true}}`,
			answer:  start.answer,
		}, lost).Exec(t.Context(), "true"); !errors.Is(err, silent) {
			t.Errorf("a program that is no script: %v", err)
		}
	})
}

func TestExecEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := New(transportFunc(func(_ context.Context, command string, _ time.Duration) (string, error) {
			if strings.Contains(command, "guest-exec-status") {
				return `{"return": {"exited": false}}`, nil
			}
			return `{"return": {"pid": 812}}`, nil
		})).Exec(ctx, "sleep", "secret")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "812") ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want that the time is over, naming the process and no argument", err)
		}
		if waited := time.Since(start); waited != 10*time.Second {
			t.Errorf("gave up after %s, want 10 s", waited)
		}
	})
}

func TestExecReadsHowTheProcessEnded(t *testing.T) {
	over := strings.Repeat("x", maxOutput+1)
	for name, test := range map[string]struct {
		status string
		want   Result
	}{
		"in silence":  {`"exitcode": 0`, Result{}},
		"by a signal": {`"signal": 9`, Result{ExitCode: 137}},
		"cut by the agent": {`"exitcode": 0, "out-data": "eA==", "out-truncated": true`,
			Result{Stdout: "x", Truncated: true}},
		"as much as is kept": {`"exitcode": 0, "out-data": "` + encoded(over[1:]) + `"`,
			Result{Stdout: over[1:]}},
		"one byte more": {`"exitcode": 0, "out-data": "` + encoded(over) + `"`,
			Result{Stdout: over[1:], Truncated: true}},
		"far more on stderr": {`"exitcode": 0, "err-data": "` + encoded(over+over) + `"`,
			Result{Stderr: over[1:], Truncated: true}},
		"with bytes, not UTF-8 ones": {`"exitcode": 0, "out-data": "` + encoded("\xff") + `"`, Result{Stdout: "\xff"}},
	} {
		got, err := scripted(t,
			step{
				command: `{"execute": "guest-exec", "arguments": {"path": "true", "capture-output": true}}`,
				answer:  `{"return": {"pid": 1}}`,
			},
			step{
				command: `{"execute": "guest-exec-status", "arguments": {"pid": 1}}`,
				answer:  `{"return": {"exited": true, ` + test.status + `}}`,
			},
		).Exec(t.Context(), "true")
		if err != nil || got != test.want {
			t.Errorf("%s: got code %d, %d and %d bytes, truncated %t, error %v",
				name, got.ExitCode, len(got.Stdout), len(got.Stderr), got.Truncated, err)
		}
	}
}

func TestExecReportsWhatItCannotRunOrRead(t *testing.T) {
	start := step{command: `{"execute": "guest-exec", "arguments": {"path": "nope", "capture-output": true}}`}
	started := step{command: start.command, answer: `{"return": {"pid": 1}}`}
	const status = `{"execute": "guest-exec-status", "arguments": {"pid": 1}}`
	refusal := `{"error": {"class": "GenericError", "desc": "Failed to execute child process"}}`

	var refused *Error
	_, err := scripted(t, step{command: start.command, answer: refusal}).Exec(t.Context(), "nope")
	if !errors.As(err, &refused) || refused.Command != "guest-exec" {
		t.Errorf("a program that is not there: got %v, want an *Error of guest-exec", err)
	}
	_, err = scripted(t, started, step{command: status, answer: refusal}).Exec(t.Context(), "nope")
	if !errors.As(err, &refused) || refused.Command != "guest-exec-status" {
		t.Errorf("an agent that forgot the process: got %v, want an *Error of guest-exec-status", err)
	}
	_, err = scripted(t, started, step{command: status, answer: `{"return": {"exited": true, "out-data": "?"}}`}).Exec(
		t.Context(), "nope")
	if _, ok := errors.AsType[base64.CorruptInputError](err); !ok {
		t.Errorf("output that is no base64: got %v, want a base64.CorruptInputError", err)
	}
}
