//go:build unix

package tfacc

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Process is a running Terraform. It shares a process group of its own with the providers that it
// starts, as if it were started from a user's shell.
type Process struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan error
}

// Start starts terraform.
func (w *Workspace) Start(t testing.TB, args ...string) *Process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	p := &Process{cmd: w.Command(ctx, args...), ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if p.cmd.SysProcAttr == nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.cmd.SysProcAttr.Setpgid = true
	p.cmd.Cancel = func() error { return p.signal(syscall.SIGINT) }
	if err := p.cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	go func() {
		defer cancel()
		p.ended <- p.cmd.Wait()
	}()
	return p
}

// signal sends a signal to all processes of the group, as Ctrl-C in a terminal does.
func (p *Process) signal(s syscall.Signal) error { return syscall.Kill(-p.cmd.Process.Pid, s) }

// Wait waits until Terraform ends, and returns its output and the error of its exit.
func (p *Process) Wait() (string, error) {
	err := <-p.ended
	return p.output.String(), err
}

// Until waits for a fact while Terraform runs, then sends the signal and waits until Terraform
// ends. It returns Terraform's output and the error of its exit. If the fact does not become true
// within a minute, the test fails.
func (p *Process) Until(t testing.TB, what string, fact func() bool, signal syscall.Signal) (output string, err error) {
	t.Helper()
	tick, patience := time.NewTicker(2*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !fact() {
		select {
		case err := <-p.ended:
			t.Fatalf("terraform ended (%v) before %s:\n%s", err, what, &p.output)
		case <-patience:
			_ = p.signal(syscall.SIGKILL)
			<-p.ended
			t.Fatalf("waited in vain until %s:\n%s", what, &p.output)
		case <-tick.C:
		}
	}
	if err := p.signal(signal); err != nil {
		t.Fatal(err)
	}
	return p.Wait()
}
