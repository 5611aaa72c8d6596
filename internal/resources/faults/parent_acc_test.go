//go:build linux

package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// When only Terraform is killed, its provider ends by itself, even while it waits for the host, and
// the next apply recovers.
func TestAccAProviderEndsWithItsTerraform(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	for _, way := range []string{"started by Terraform", "started by a script"} {
		t.Run(way, func(t *testing.T) {
			pool := tfacc.Name("parent")
			host.Pool(t, pool)
			b := newBench(t, host, pool, operation{name: way})
			if way == "started by a script" {
				b.space.Write(t, "terraform.rc", scripted(t))
			}
			b.configure(t, tfconfig.Render(template(pool), version("1.0.0", tfacc.EmptyImage(t, "16M")),
				instance(pool)))
			gone := false
			b.way.Arm(acctest.Fault{Of: "start the domain", At: 1, When: acctest.Before, Do: func(provider int) {
				terraform := ancestor(provider, "terraform")
				acctest.Kill(terraform)
				for deadline := time.Now().Add(30 * time.Second); !gone &&
					time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
					state, _ := process(provider)
					gone = state == "" || state == "Z"
				}
				if !gone {
					t.Errorf("Terraform (%d) was killed, and its provider (%d) runs on", terraform, provider)
					acctest.Kill(provider)
				}
			}})
			if out, err := b.apply(t); err == nil {
				t.Fatalf("an apply that was to be killed succeeded:\n%s", out)
			}
			if !b.way.Done() {
				t.Fatal("nothing was killed")
			}
			b.way.Arm(acctest.Fault{})
			b.space.Apply(t)
			b.space.EmptyPlan(t)
		})
	}
}

// scripted is a Terraform configuration that starts the provider by a script, which waits for it.
func scripted(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%q \"$@\"\nexit $?\n", tfacc.Binary(t))
	if err := os.WriteFile(filepath.Join(dir, "terraform-provider-novacron"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("provider_installation {\n  dev_overrides { \"novacron/novacron\" = %q }\n  direct {}\n}\n", dir)
}

// process returns the state of a process and its parent, as in proc_pid_stat(5); "" if it is gone.
func process(pid int) (state string, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	parent, _ = strconv.Atoi(fields[1])
	return fields[0], parent
}

// ancestor is the nearest ancestor that runs the program of that name.
func ancestor(pid int, name string) int {
	for pid > 1 {
		_, pid = process(pid)
		program, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err == nil && strings.TrimSpace(string(program)) == name && syscall.Kill(pid, 0) == nil {
			return pid
		}
	}
	return 0
}
