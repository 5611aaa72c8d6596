// Package sessionhosts runs many small libvirt hosts for tests and measurements: unprivileged daemons
// in libvirt's session mode, each with directories, a UUID and a storage pool of its own. They share
// the machine's processors and memory, have no networks, and emulate the processor of guests. They are
// good for whatever needs many hosts, and domains that are off.
//
// The hosts end with the process that started them, however that process ends, with all that runs on
// them.
package sessionhosts

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// Pool is the name of the storage pool that each host has. It is the provider's default.
const Pool = "novacron"

// patience is how long the hosts may take to answer, on a machine that is busy.
const patience = 5 * time.Minute

// serve is the script that runs the daemons.
//
//go:embed serve.sh
var serve string

// Host is one of the hosts.
type Host struct {
	Name   string // "h000", "h001" and so on
	URI    string
	Socket string

	pool string // the directory of its pool
}

// Hosts are hosts that run.
type Hosts struct {
	All []Host

	directory string
	lifeline  io.Closer
	ended     chan struct{}
	said      bytes.Buffer // by the script, to be read once it has ended
}

// Run runs a number of hosts until the test ends. It skips the test where libvirt is not installed, or
// fails it with TF_ACC=1.
func Run(t testing.TB, n int) *Hosts {
	t.Helper()
	h, err := Start(n)
	if errors.Is(err, exec.ErrNotFound) {
		needs.Missing(t, "%v: run tools/install-deps.sh testhost", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return h
}

// Start starts a number of hosts, and waits until all of them answer. They end with this process at the
// latest. The error is exec.ErrNotFound if libvirt is not installed.
func Start(n int) (*Hosts, error) {
	for _, program := range []string{"libvirtd", "setpriv", "tini", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, err
		}
	}
	directory, err := os.MkdirTemp("", "hosts-")
	if err != nil {
		return nil, err
	}
	h := &Hosts{directory: directory, ended: make(chan struct{})}
	for i := range n {
		name := fmt.Sprintf("h%03d", i)
		socket := filepath.Join(directory, "run", name, "libvirt", "libvirt-sock")
		h.All = append(h.All, Host{
			Name: name, Socket: socket, URI: sessionURI(socket),
			pool: filepath.Join(directory, "data", name, "pool"),
		})
	}
	if err := h.serve(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(directory))
	}
	if err := h.prepare(); err != nil {
		h.Stop()
		return nil, fmt.Errorf("%w\n%s", err, &h.said)
	}
	return h, nil
}

func sessionURI(socket string) string { return "qemu+unix:///session?socket=" + socket }

// serve starts the script. It runs in a process group of its own: a Ctrl-C is for the process that
// started it.
func (h *Hosts) serve() error {
	script := filepath.Join(h.directory, "serve.sh") // which runs itself once more
	if err := os.WriteFile(script, []byte(serve), 0o600); err != nil {
		return err
	}
	cmd := exec.Command("sh", script, h.directory)
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.directory, &h.said, &h.said
	apart(cmd)
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	h.lifeline = lifeline
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = cmd.Wait()
		close(h.ended)
	}()
	// One host finds out first what QEMU can do. The others read that from the cache that they share.
	if _, err := fmt.Fprintln(lifeline, h.All[0].Name); err != nil {
		return err
	}
	if err := h.All[0].prepare(h.ended); err != nil {
		h.Stop()
		return fmt.Errorf("%w\n%s", err, &h.said)
	}
	for _, host := range h.All[1:] {
		if _, err := fmt.Fprintln(lifeline, host.Name); err != nil {
			return err
		}
	}
	return nil
}

// prepare prepares all hosts but the first.
func (h *Hosts) prepare() error {
	var group errgroup.Group
	group.SetLimit(16)
	for _, host := range h.All[1:] {
		group.Go(func() error { return host.prepare(h.ended) })
	}
	return group.Wait()
}

// prepare waits until a host answers, and creates its pool.
func (h Host) prepare(ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		conn, err := net.Dial("unix", h.Socket)
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case <-ended:
			return fmt.Errorf("host %s did not start", h.Name)
		case <-ctx.Done():
			return fmt.Errorf("host %s does not answer", h.Name)
		case <-time.After(10 * time.Millisecond):
		}
	}
	conn, err := libvirt.New(libvirt.Options{URI: h.URI, CallTimeout: patience})
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Info(ctx); err != nil {
		return fmt.Errorf("host %s: %w", h.Name, err)
	}
	_, err = conn.CreateDirPool(ctx, Pool, h.pool)
	return err
}

// Stop ends the hosts, and removes what they have.
func (h *Hosts) Stop() {
	_ = h.lifeline.Close()
	<-h.ended
	_ = os.RemoveAll(h.directory)
}
