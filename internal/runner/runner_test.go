package runner

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestARunnerIsDeadOnlyWhenThatIsCertain(t *testing.T) {
	here, self, _ := strings.Cut(This(), "/")
	ended := exec.Command("true")
	if err := ended.Start(); err != nil {
		t.Fatal(err)
	}
	child := here + "/" + strconv.Itoa(ended.Process.Pid)
	// Nobody has waited for it: it stays as a zombie, as the orphans of a container without an init do.
	for deadline := time.Now().Add(10 * time.Second); !Dead(child); {
		if time.Now().After(deadline) {
			t.Fatal("a process that has ended, but was not waited for, is not dead")
		}
	}
	if err := ended.Wait(); err != nil {
		t.Fatal(err)
	}
	for runner, dead := range map[string]bool{
		child:                              true,
		here + "/" + self:                  false,
		here + "/1":                        false,
		"elsewhere/" + self:                false,
		"elsewhere/4194304":                false,
		"unknown/4194304":                  false,
		here + "/nobody":                   false,
		here:                               false,
		"":                                 false,
		here + "/" + strconv.Itoa(1<<22+1): true, // beyond PID_MAX_LIMIT of Linux
	} {
		if got := Dead(runner); got != dead {
			t.Errorf("runner %q: dead is %t, want %t", runner, got, dead)
		}
	}
	if self != strconv.Itoa(os.Getpid()) {
		t.Errorf("this process is %q", self)
	}
}
