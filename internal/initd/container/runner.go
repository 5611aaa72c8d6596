//go:build linux

package container

import (
	"context"
	"io"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/initd/process"
	"github.com/novacron/terraform-provider-novacron/internal/initd/supervise"
)

// runner runs the programs of the container. It is a supervise.Runner.
type runner struct {
	*container
	output chan struct{} // closed when all output of the last start is in the log
}

func (r *runner) Start() (supervise.Process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	child, err := r.launcher.Start(r.config.Process, write)
	write.Close()
	if err != nil {
		read.Close()
		return nil, err
	}
	done := make(chan struct{})
	r.output = done
	go func() {
		defer close(done)
		defer read.Close()
		_, _ = io.Copy(r.log, read) // the log never fails, and a pipe only ends
	}()
	return child, nil
}

// Check runs the health check as the application runs, with its environment.
func (r *runner) Check(ctx context.Context) (code int, output string) {
	program := r.config.Process
	program.Args = r.config.Health.Args
	return r.launcher.Check(ctx, program)
}

// KillAll also waits until what the processes have printed is in the log.
func (r *runner) KillAll() {
	r.reaper.KillAll()
	if r.output != nil {
		<-r.output
	}
}

var (
	_ supervise.Runner  = (*runner)(nil)
	_ supervise.Process = (*process.Child)(nil)
)
