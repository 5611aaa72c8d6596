//go:build linux

package lease

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain can turn this program into a process that prints its name and lives until its input
// ends.
func TestMain(m *testing.M) {
	if os.Getenv("LEASE_SAYS_ITS_NAME") != "" {
		fmt.Println(This())
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// another starts another process, and returns its name. end ends the process, which stays a zombie
// until it is waited for.
func another(t *testing.T) (name string, end func(), wait func() error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "LEASE_SAYS_ITS_NAME=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	name, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(name), func() { in.Close() }, cmd.Wait
}

func TestAProcessIsDeadOnceItHasEnded(t *testing.T) {
	name, end, wait := another(t)
	if Dead(name) {
		t.Errorf("%s lives, and counts as dead", name)
	}
	end()
	// The process has not been waited for, so it stays a zombie, like orphans in a container without
	// an init.
	for deadline := time.Now().Add(10 * time.Second); !Dead(name); {
		if time.Now().After(deadline) {
			t.Fatal("a process that has ended, but was not waited for, is not dead")
		}
	}
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	if !Dead(name) {
		t.Errorf("%s is gone, and counts as living", name)
	}
}

func TestAProcessIsDeadOnlyWhenThatIsCertain(t *testing.T) {
	me := this()
	if me.pid != strconv.Itoa(os.Getpid()) || me.boot == "" || me.spaces == "" || me.start == "" {
		t.Fatalf("this process is %+v", me)
	}
	gone := strconv.Itoa(1<<22 + 1) // beyond PID_MAX_LIMIT of Linux
	with := func(change func(*identity)) string {
		i := me
		i.pid = gone
		change(&i)
		return i.String()
	}
	for what, c := range map[string]struct {
		name string
		dead bool
	}{
		"this one":           {me.String(), false},
		"none of its number": {with(func(*identity) {}), true},
		"its number is another's": {
			with(func(i *identity) { i.pid, i.start = me.pid, me.start+"0" }), true,
		},
		"another host":                         {with(func(i *identity) { i.host = "elsewhere" }), false},
		"another machine of that name":         {with(func(i *identity) { i.machine += "0" }), false},
		"before a reboot, or of an image's":    {with(func(i *identity) { i.boot += "0" }), false},
		"another container":                    {with(func(i *identity) { i.spaces = "1-1" }), false},
		"nothing is known of its container":    {with(func(i *identity) { i.spaces = "" }), false},
		"nothing is known of its start":        {with(func(i *identity) { i.start = "" }), false},
		"no number":                            {with(func(i *identity) { i.pid = "nobody" }), false},
		"a number that stands for many":        {with(func(i *identity) { i.pid = "0" }), false},
		"one that only an earlier release had": {me.host + "/" + gone, false},
		"a host":                               {me.host, false},
		"nobody":                               {"", false},
		"one of a later release":               {with(func(*identity) {}) + "/more", false},
	} {
		if got := Dead(c.name); got != c.dead {
			t.Errorf("%s: %q counts as dead: %t, want %t", what, c.name, got, c.dead)
		}
	}
}

func TestAProcessIsShownByHostAndNumber(t *testing.T) {
	for name, want := range map[string]string{
		This():         this().host + "/" + this().pid,
		"build-7/4711": "build-7/4711",
		"build-7":      "build-7",
		"":             "",
	} {
		if got := Show(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}

// An earlier release split a name at the first slash into host and number. It must not conclude
// anything from a current name.
func TestEarlierReleasesConcludeNothing(t *testing.T) {
	_, number, _ := strings.Cut(This(), "/")
	if _, err := strconv.Atoi(number); err == nil {
		t.Errorf("an earlier release reads %q as a number", number)
	}
}

// The clock is not asked about a process that is certainly dead: asking may cost a request, and may
// fail.
func TestADeadHolderNeedsNoClock(t *testing.T) {
	gone := this()
	gone.pid = strconv.Itoa(1<<22 + 1)
	l := Lease{Holder: gone.String(), Since: noon, Deadline: noon.Add(time.Hour)}
	if !l.Ended(noon) {
		t.Error("before its deadline, the lease of a dead process has not ended")
	}
	ended, err := l.Abandoned(t.Context(), func(context.Context) (time.Time, error) {
		t.Error("the clock was asked")
		return noon, nil
	})
	if err != nil || !ended {
		t.Errorf("the lease of a dead process is abandoned: %t, %v", ended, err)
	}
}
