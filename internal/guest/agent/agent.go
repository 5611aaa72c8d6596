// Package agent asks a running guest, by its QEMU guest agent, for its addresses and for how
// cloud-init ended.
package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

const (
	// commandTimeout bounds one answer of the agent. All commands answer at once, including
	// guest-exec, which does not wait for its process; the margin is for guests under software
	// emulation.
	commandTimeout = 10 * time.Second

	// The state of a process is polled at intervals that grow with the time that it has taken so far.
	// So its end is noticed late by at most a quarter of that time, firstPoll at least.
	firstPoll = 50 * time.Millisecond
	lastPoll  = time.Second

	// maxOutput bounds, in bytes, how much is kept of each output stream of a process. It comes
	// from the guest, which must not be able to exhaust the provider's memory.
	maxOutput = 1 << 20
)

// Transport carries one command to the QEMU guest agent and its answer back, both in JSON. A
// timeout is the longest time to wait for the answer; it is above zero.
type Transport interface {
	AgentCommand(ctx context.Context, command string, timeout time.Duration) (string, error)
}

// Agent asks the QEMU guest agent of one guest. Commands and answers are those of
// https://www.qemu.org/docs/master/interop/qemu-ga-ref.html.
type Agent struct {
	transport Transport
}

// New returns the agent behind the transport. It sends nothing.
func New(transport Transport) *Agent {
	return &Agent{transport: transport}
}

// Error is the error of a command that the agent understood and refused.
type Error struct {
	Command string // such as "guest-exec"
	Class   string // QapiErrorClass, such as "GenericError" or "CommandNotFound"
	Desc    string // the agent's own words
}

func (e *Error) Error() string {
	hint := ""
	if e.Class == "CommandNotFound" {
		hint = "; the agent in the guest is too old for it, or its configuration (block-rpcs, allow-rpcs) disables it"
	}
	return fmt.Sprintf("the guest agent refused %s: %s (%s)%s", e.Command, e.Desc, e.Class, hint)
}

// call sends a command with its arguments, nil for none, and decodes the result. Errors wrap those
// of the transport and of ctx, or are an *Error.
func (a *Agent) call(ctx context.Context, command string, arguments, result any) error {
	timeout := commandTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("guest agent command %s was not sent: %w", command, context.Cause(ctx))
	case timeout <= 0:
		return fmt.Errorf("guest agent command %s was not sent: %w", command, context.DeadlineExceeded)
	}
	request, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, arguments})
	if err != nil {
		return fmt.Errorf("writing guest agent command %s: %w", command, err)
	}
	answer, err := a.transport.AgentCommand(ctx, string(request), timeout)
	if err != nil {
		return fmt.Errorf("guest agent command %s: %w", command, err)
	}
	var response struct {
		Return json.RawMessage `json:"return"`
		Error  *struct {
			Class string `json:"class"`
			Desc  string `json:"desc"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(answer), &response); err != nil {
		return fmt.Errorf("guest agent command %s: the answer is not JSON: %w", command, err)
	}
	switch {
	case response.Error != nil:
		return &Error{Command: command, Class: response.Error.Class, Desc: response.Error.Desc}
	case response.Return == nil:
		return fmt.Errorf("guest agent command %s: the answer holds neither a return value nor an error", command)
	}
	if err := json.Unmarshal(response.Return, result); err != nil {
		return fmt.Errorf("guest agent command %s: the answer has an unexpected form: %w", command, err)
	}
	return nil
}

// Ping checks whether the agent answers.
func (a *Agent) Ping(ctx context.Context) error {
	return a.call(ctx, "guest-ping", nil, &struct{}{})
}

// HostName returns the host name that the guest has now.
func (a *Agent) HostName(ctx context.Context) (string, error) {
	var answer struct {
		HostName string `json:"host-name"`
	}
	err := a.call(ctx, "guest-get-host-name", nil, &answer)
	return answer.HostName, err
}

// Interface is a network interface as the guest sees it.
type Interface struct {
	Name      string
	MAC       string // as 52:54:00:12:34:56; "" if it has none
	Addresses []netip.Prefix
}

// Interfaces returns the guest's network interfaces, loopback included, in its order.
func (a *Agent) Interfaces(ctx context.Context) ([]Interface, error) {
	var answer []struct {
		Name      string `json:"name"`
		MAC       string `json:"hardware-address"`
		Addresses []struct {
			Address string `json:"ip-address"`
			Prefix  int    `json:"prefix"`
		} `json:"ip-addresses"`
	}
	const command = "guest-network-get-interfaces"
	if err := a.call(ctx, command, nil, &answer); err != nil {
		return nil, err
	}
	interfaces := make([]Interface, 0, len(answer))
	for _, nic := range answer {
		found := Interface{Name: nic.Name, MAC: nic.MAC}
		for _, ip := range nic.Addresses {
			address, err := netip.ParseAddr(ip.Address)
			if err != nil {
				return nil, fmt.Errorf("guest agent command %s: interface %q: %w", command, nic.Name, err)
			}
			prefix := netip.PrefixFrom(address, ip.Prefix)
			if !prefix.IsValid() {
				return nil, fmt.Errorf("guest agent command %s: interface %q: %s cannot have a prefix of %d bits",
					command, nic.Name, address, ip.Prefix)
			}
			found.Addresses = append(found.Addresses, prefix)
		}
		interfaces = append(interfaces, found)
	}
	return interfaces, nil
}

// Result is how a process in the guest ended.
type Result struct {
	// ExitCode is the exit code of the process. If a signal ended the process, it is 128 plus the
	// signal's number, as in a shell.
	ExitCode       int
	Stdout, Stderr string
	// Truncated is set when more was written than is kept: 1 MiB per stream.
	Truncated bool
}

// Exec runs a program of the guest as root and waits until it ends. If the program ends with an
// error, that is a Result; an error means that the program could not be run or polled. When ctx
// ends, Exec returns and the process goes on: the agent has no command to stop it. Errors name the
// path and never the arguments.
func (a *Agent) Exec(ctx context.Context, path string, args ...string) (Result, error) {
	return a.run(ctx, program{Path: path, Arg: args}, 0)
}

// shell runs scripts in every guest.
const shell = "/bin/sh"

// Script runs a script of a POSIX shell in the guest, as Exec runs a program. The shell reads the
// script from its standard input, so no other process of the guest sees any of it. Errors never
// quote the script. While the script runs, Script bears with an agent that does not answer, for as long
// as patience: a second run of the script could do harm.
func (a *Agent) Script(ctx context.Context, script string) (Result, error) {
	return a.run(ctx, program{Path: shell, InputData: base64.StdEncoding.EncodeToString([]byte(script))}, patience)
}

// patience is how long an agent may give no answer about a script.
const patience = time.Minute

// program is what guest-exec runs.
type program struct {
	Path          string   `json:"path"`
	Arg           []string `json:"arg,omitempty"`
	InputData     string   `json:"input-data,omitempty"` // base64
	CaptureOutput bool     `json:"capture-output"`
}

// run runs a program whose output it captures, and waits for its end. The agent may be silent for as
// long as patience.
func (a *Agent) run(ctx context.Context, p program, patience time.Duration) (Result, error) {
	p.CaptureOutput = true
	var started struct {
		PID int64 `json:"pid"`
	}
	if err := a.call(ctx, "guest-exec", p, &started); err != nil {
		return Result{}, fmt.Errorf("starting %s in the guest: %w", p.Path, err)
	}
	began := time.Now()
	for heard := began; ; {
		var status processStatus
		err := a.call(ctx, "guest-exec-status", struct {
			PID int64 `json:"pid"`
		}{started.PID}, &status)
		refused := new(Error)
		switch {
		case err == nil:
			heard = time.Now()
		case errors.As(err, &refused) || time.Since(heard) >= patience || ctx.Err() != nil:
			return Result{}, fmt.Errorf("waiting for %s in the guest (process %d): %w", p.Path, started.PID, err)
		}
		if status.Exited {
			result, err := status.result()
			if err != nil {
				return Result{}, fmt.Errorf("reading what %s wrote in the guest: %w", p.Path, err)
			}
			return result, nil
		}
		timer := time.NewTimer(min(max(time.Since(began)/4, firstPoll), lastPoll))
		select {
		case <-ctx.Done():
			timer.Stop()
			return Result{}, fmt.Errorf("waiting for %s in the guest (process %d, which goes on): %w",
				p.Path, started.PID, context.Cause(ctx))
		case <-timer.C:
		}
	}
}

// processStatus is GuestExecStatus.
type processStatus struct {
	Exited       bool   `json:"exited"`
	ExitCode     int    `json:"exitcode"`
	Signal       int    `json:"signal"`
	OutData      string `json:"out-data"`
	ErrData      string `json:"err-data"`
	OutTruncated bool   `json:"out-truncated"`
	ErrTruncated bool   `json:"err-truncated"`
}

func (s processStatus) result() (Result, error) {
	stdout, cutOut, err := decodeOutput(s.OutData)
	if err != nil {
		return Result{}, fmt.Errorf("standard output: %w", err)
	}
	stderr, cutErr, err := decodeOutput(s.ErrData)
	if err != nil {
		return Result{}, fmt.Errorf("standard error: %w", err)
	}
	code := s.ExitCode
	if s.Signal != 0 {
		code = 128 + s.Signal
	}
	return Result{
		ExitCode:  code,
		Stdout:    stdout,
		Stderr:    stderr,
		Truncated: cutOut || cutErr || s.OutTruncated || s.ErrTruncated,
	}, nil
}

// decodeOutput decodes at most maxOutput bytes and reports whether there were more.
func decodeOutput(encoded string) (string, bool, error) {
	// One group beyond the limit is decoded too, to know whether another byte follows it.
	if limit := (maxOutput/3 + 1) * 4; len(encoded) > limit {
		encoded = encoded[:limit]
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", false, fmt.Errorf("not base64: %w", err)
	}
	if len(data) > maxOutput {
		return string(data[:maxOutput]), true, nil
	}
	return string(data), false, nil
}
