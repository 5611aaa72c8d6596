//go:build unix

package tfacc

import (
	"bytes"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Process is a Terraform that runs, in a process group of its own together with the providers that
// it starts, as from a user's shell.
type Process struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan error
}

// Start starts terraform.
func (w *Workspace) Start(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: w.Command(t.Context(), args...), ended: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if p.cmd.SysProcAttr == nil {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	p.cmd.SysProcAttr.Setpgid = true
	p.cmd.Cancel = func() error { return p.signal(syscall.SIGINT) }
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

// signal reaches all processes of the group, as Ctrl-C at a terminal does.
func (p *Process) signal(s syscall.Signal) error { return syscall.Kill(-p.cmd.Process.Pid, s) }

// Wait waits for the end. It returns all that Terraform printed, and the error of its exit.
func (p *Process) Wait() (string, error) {
	err := <-p.ended
	return p.output.String(), err
}

// Until waits for a fact while Terraform runs, and then sends the signal and waits for the end. It
// returns all that Terraform printed, and the error of its exit. The test fails when the fact does
// not come about.
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
