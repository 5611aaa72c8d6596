package readiness

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
)

// bootOf follows a first boot with that console, whose cloud-init gives these answers, one after
// the other.
func bootOf(console string, answers ...agent.CloudInit) (*firstBoot, *fakeVolumes) {
	c, volumes := followed(console)
	return &firstBoot{name: "user_data", uuid: "id", console: c, ask: func(context.Context) (agent.CloudInit, error) {
		if len(answers) == 0 {
			return agent.CloudInit{}, errors.New("no agent")
		}
		answer := answers[0]
		answers = answers[1:]
		return answer, nil
	}}, volumes
}

func TestAFailedFirstBootEndsTheWaitForOtherConditions(t *testing.T) {
	waiting := func(context.Context) sight { return sight{seen: "no address"} }
	for name, test := range map[string]struct {
		console string
		check   condition
		want    sight
	}{
		"no report": {"booting", waiting, sight{seen: "no address"}},
		"all well":  {okReport, waiting, sight{seen: "no address"}},
		"a failure": {badReport, waiting, sight{of: "user_data", seen: "a report of the guest",
			final: saidError("run_commands[0] ended with exit status 1"), advice: adviceFailed}},
		"a failure, too late": {badReport, func(context.Context) sight { return sight{met: true} }, sight{met: true}},
	} {
		f, _ := bootOf(test.console)
		if got := f.unlessFailed(test.check)(t.Context()); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	f, volumes := bootOf(badReport)
	volumes.known = nil
	if got := f.unlessFailed(waiting)(t.Context()); got.final != nil || got.seen != "no address" {
		t.Errorf("a console that cannot be read: %+v", got)
	}
	// A report that was heard need not be on the console any more.
	f, volumes = bootOf(okReport)
	f.unlessFailed(waiting)(t.Context())
	volumes.files["log"] = ""
	if got := f.reported(t.Context()); !got.met {
		t.Errorf("what was heard is forgotten: %+v", got)
	}
}

func TestACloudInitThatIsOverWithoutAReportEndsTheWait(t *testing.T) {
	done, degraded := agent.CloudInit{Status: agent.CloudInitDone,
		Detail: "NoCloud"}, agent.CloudInit{Status: agent.CloudInitDegraded}
	running := agent.CloudInit{Status: agent.CloudInitRunning}
	failed := agent.CloudInit{Status: agent.CloudInitError, FailedStage: "modules-final", Detail: "secret",
		Errors: []string{"secret"}}
	for name, test := range map[string]struct {
		answers []agent.CloudInit
		final   string
		advice  string
	}{
		"under way": {[]agent.CloudInit{running, running}, "", ""},
		"just done": {[]agent.CloudInit{running, done}, "", adviceUnreported},
		"done": {[]agent.CloudInit{done, done}, "the guest has ended its first boot without a report",
			adviceUnreported},
		"done, with warnings": {[]agent.CloudInit{degraded, degraded},
			"the guest has ended its first boot without a report", adviceUnreported},
		"done, then at it again": {[]agent.CloudInit{done, running, done}, "", adviceUnreported},
		"just failed":            {[]agent.CloudInit{failed}, "", ""},
		"failed": {[]agent.CloudInit{failed, failed}, "cloud-init failed in stage modules-final: secret",
			adviceFailed},
		"disabled": {[]agent.CloudInit{{Status: agent.CloudInitDisabled}},
			"cloud-init, which does what the template's cloud_init and the customization say, is disabled in the image",
			adviceDisabled},
		"no agent": {nil, "", ""},
	} {
		f, _ := bootOf("booting", test.answers...)
		var got sight
		for range max(1, len(test.answers)) {
			f.next = time.Time{}
			got = f.reported(t.Context())
		}
		final := ""
		if got.final != nil {
			final = got.final.Error()
		}
		if got.met || final != test.final || got.advice != test.advice || strings.Contains(got.seen, "secret") {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// It is not asked at every look.
	f, _ := bootOf("booting", done, done)
	for range 2 {
		if got := f.reported(t.Context()); got.final != nil {
			t.Errorf("asked at once for the second time: %+v", got)
		}
	}
}
