//go:build linux

package faults_test

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
)

// Two jobs run in containers of one machine with one host name. What one of them is creating, the
// other may not take or remove, although the other has no process of that number.
func TestAccAProcessInAnotherContainerLives(t *testing.T) {
	host, pool := acctest.RequireHost(t), tfacc.Name("container")
	t.Parallel()
	host.Pool(t, pool)
	b := newBench(t, host, pool, operation{name: "in another container"})
	name := pool + "-it"
	release, it := version("1.0.0", tfacc.EmptyImage(t, "16M")), instance(name)
	whole := tfconfig.Render(template(pool), release, it)
	b.configure(t, whole)

	begun, goOn := make(chan struct{}), make(chan struct{})
	b.way.Arm(acctest.Fault{Of: "start the domain", At: 1, When: acctest.Before, Late: true, Do: func(int) {
		close(begun)
		<-goOn
	}})
	ended := make(chan error, 1)
	first := contained(t, b.space, 200, "apply", "-auto-approve")
	var said strings.Builder
	first.Stdout, first.Stderr = &said, &said
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- first.Wait() }()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatalf("the first job ended (%v) before it started the domain:\n%s", err, &said)
	}
	release.TemplateID, it.TemplateID, it.Version = elsewhere(pool), elsewhere(pool), "1.0.0"
	for config, says := range map[string]string{
		whole:            "already. Choose another name",
		release.String(): "has a version 1.0.0 already",
		it.String():      "Instance is being created",
	} {
		second := tfacc.NewWorkspace(t, tfacc.Provider(pool)+config)
		out, err := contained(t, second, 0, "apply", "-auto-approve").CombinedOutput()
		if err == nil {
			t.Errorf("the second job took over what the first is making:\n%s", out)
		}
		tfacc.Says(t, string(out), says)
	}
	close(goOn)
	if err := <-ended; err != nil {
		t.Errorf("the first job: %v\n%s", err, &said)
	}
	b.way.Arm(acctest.Fault{})
	b.space.EmptyPlan(t)
	if now := strings.Fields(host.Virsh(t, "domstate", name)); len(now) == 0 || now[0] != "running" {
		t.Errorf("the first job's instance is %q", now)
	}
}

// contained is terraform in a container's namespace of processes, in which that many have been
// before it.
func contained(t *testing.T, w *tfacc.Workspace, before int, args ...string) *exec.Cmd {
	t.Helper()
	cmd := w.Command(context.WithoutCancel(t.Context()), args...)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(err)
	}
	burn := fmt.Sprintf(`n=%d; while [ $n -gt 0 ]; do (:); n=$((n-1)); done; exec "$@"`, before)
	cmd.Args = append([]string{
		unshare, "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", burn, "sh", cmd.Path,
	}, cmd.Args[1:]...)
	cmd.Path = unshare
	return cmd
}
