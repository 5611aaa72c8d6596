package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/peak"
)

// terraform runs Terraform, with the providers that rc names.
type terraform struct {
	dir    string // has the workspaces
	rc     string // Terraform's configuration
	uri    string
	daemon libvirtd
}

func (t *terraform) workspace(name, config string) string {
	dir := filepath.Join(t.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Fatal(err)
	}
	t.configure(dir, config)
	return dir
}

func (t *terraform) configure(dir, config string) {
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		log.Fatal(err)
	}
}

// applied configures a workspace, applies it, and returns what the apply took.
func (t *terraform) applied(dir, config string) (sample, error) {
	t.configure(dir, config)
	return t.timed(dir, "apply", "-auto-approve")
}

// timed runs terraform and returns what it took.
func (t *terraform) timed(dir string, args ...string) (sample, error) {
	return t.timedWith(t.rc, dir, args...)
}

// timedWith is timed with another configuration of Terraform.
func (t *terraform) timedWith(rc, dir string, args ...string) (s sample, err error) {
	cmd := exec.Command("terraform", append(args, "-no-color")...)
	cmd.Dir, cmd.Env = dir, append(environment(t.uri), "TF_CLI_CONFIG_FILE="+rc)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var memory int64
	s.daemon, err = t.daemon.during(func() error {
		start := time.Now()
		if err := cmd.Start(); err != nil {
			return err
		}
		watch := peak.OfChildren(cmd.Process.Pid, "terraform-provider-novacron")
		err := cmd.Wait()
		s.took, memory = time.Since(start), watch.Bytes()
		return err
	})
	if err != nil {
		err = fmt.Errorf("terraform %s in %s: %w\n%s", strings.Join(args, " "), filepath.Base(dir), err, &out)
	}
	s.client = cost{cpu: clientCost(cmd).cpu, peak: memory}
	return s, err
}
