package readiness

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
)

const cardMAC = "52:54:00:00:00:01"

// guestAt is a guest that does things at times after its start; a zero time means never.
type guestAt struct {
	*fakeVolumes
	began                              time.Time
	leased, told, sends, answers, off  time.Duration
	cloudInit                          string // its status once the agent answers
	crashes                            bool
	expires                            int64         // of its lease
	silent                             time.Duration // the host does not answer until then
	agentCalls, stateCalls, leaseCalls int
}

func newGuest() *guestAt {
	g := &guestAt{fakeVolumes: &fakeVolumes{known: map[string]string{}, files: map[string]string{}}, began: time.Now()}
	g.files["nova.console.t1.web.log"], g.known["nova.console.t1.web.log"] = "booting\nlogin: ", ""
	return g
}

func (g *guestAt) since(at time.Duration) bool { return at > 0 && time.Since(g.began) >= at }

func (g *guestAt) DomainAddresses(_ context.Context, _ string, source host.AddressSource) ([]host.Address, error) {
	switch {
	case time.Since(g.began) < g.silent:
		return nil, host.ErrUnreachable
	case source == host.AddressLease && g.since(g.leased):
		return []host.Address{{MAC: cardMAC, IP: "192.168.122.7"}}, nil
	case source == host.AddressAgent && g.since(g.told):
		return []host.Address{{MAC: cardMAC, IP: "192.168.122.8"}}, nil
	case source == host.AddressAgent:
		return nil, host.ErrAgentUnresponsive
	}
	return nil, nil
}

func (g *guestAt) Leases(context.Context, string) ([]host.Address, error) {
	g.leaseCalls++
	return []host.Address{{MAC: cardMAC, IP: "192.168.122.7", Expires: g.expires}}, nil
}

func (g *guestAt) CPUTime(context.Context, string) (time.Duration, error) { return 0, nil }

func (g *guestAt) Sent(context.Context, string, string) (int64, error) {
	if g.since(g.sends) {
		return 1, nil
	}
	return 0, nil
}

func (g *guestAt) DomainState(context.Context, string) (host.State, error) {
	g.stateCalls++
	switch {
	case g.since(g.off) && g.crashes:
		return host.StateCrashed, nil
	case g.since(g.off):
		return host.StateShutoff, nil
	}
	return host.StateRunning, nil
}

func (g *guestAt) AgentCommand(_ context.Context, _, command string, _ time.Duration) (string, error) {
	g.agentCalls++
	switch {
	case !g.since(g.answers):
		return "", host.ErrAgentUnresponsive
	case strings.Contains(command, `"guest-exec-status"`):
		return fmt.Sprintf(`{"return":{"exited":true,"exitcode":0,"out-data":%q}}`,
			base64.StdEncoding.EncodeToString([]byte(g.cloudInit))), nil
	case strings.Contains(command, `"guest-exec"`):
		return `{"return":{"pid":1}}`, nil
	}
	return `{"return":{}}`, nil
}

// await waits for a guest with a lease from DHCP, for five minutes at most.
func (g *guestAt) await(t *testing.T, old network.OldLeases, first bool, conditions ...string) (time.Duration, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	i := kind.Instance{UUID: "id", NICs: []profile.NIC{{Name: "eth0", Network: "default", MAC: cardMAC,
		IP: profile.Addressing{DHCP: true}}}}
	return g.awaitAs(ctx, t, i, old, first, conditions...)
}

func (g *guestAt) awaitAs(
	ctx context.Context, t *testing.T, i kind.Instance, old network.OldLeases, first bool, conditions ...string,
) (time.Duration, error) {
	t.Helper()
	i.Facts.Tenant, i.Facts.Name = "t1", "web"
	began := time.Now()
	err := NewWaiter(g, network.New(g, nil, nil), "lib").Await(ctx, i, old, conditions, first)
	return time.Since(began), err
}

func TestAnAddressIsSeenByWhatTellsIt(t *testing.T) {
	old := network.OldLeases{{MAC: cardMAC, IP: "192.168.122.7", Expires: 100}}
	for name, c := range map[string]struct {
		g     guestAt
		old   network.OldLeases
		takes time.Duration // 0: never
	}{
		"a lease":                       {guestAt{leased: 20 * time.Second}, nil, 20 * time.Second},
		"an agent":                      {guestAt{told: 30 * time.Second}, nil, 30 * time.Second},
		"neither":                       {guestAt{}, nil, 0},
		"a lease from before the start": {guestAt{leased: time.Second, expires: 100}, old, 0},
		"a lease that was renewed":      {guestAt{leased: time.Second, expires: 200}, old, time.Second},
		"an old lease, and an agent": {guestAt{leased: time.Second, expires: 100, told: time.Minute}, old,
			time.Minute},
		"only sending, with DHCP": {guestAt{sends: time.Second}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest()
				volumes, began := g.fakeVolumes, g.began
				*g = c.g
				g.fakeVolumes, g.began = volumes, began
				took, err := g.await(t, c.old, false, kind.WaitIP)
				if c.takes == 0 {
					if unready, ok := errors.AsType[*Error](err); !ok || unready.Condition != kind.WaitIP ||
						took != 5*time.Minute ||
						!strings.Contains(unready.LastSeen, "no address from a guest agent") {
						t.Errorf("after %s: %v", took, err)
					}
					return
				}
				if err != nil || took < c.takes || took > c.takes+2*time.Second {
					t.Errorf("it took %s, %v, want %s", took, err, c.takes)
				}
			})
		})
	}
}

// A static address is in no lease: the sign is that the guest sends from the interface.
func TestAStaticAddressCountsOnceTheGuestSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest()
		g.sends = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		i := kind.Instance{UUID: "id", NICs: []profile.NIC{{Name: "eth0", MAC: cardMAC, IP: profile.Addressing{
			Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/24")},
		}}}}
		if took, err := g.awaitAs(ctx, t, i, nil, false, kind.WaitIP); err != nil || took < time.Minute ||
			took > 62*time.Second {
			t.Errorf("it took %s, %v", took, err)
		}
	})
}

func TestAnAgentIsReadyOnceItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest()
		g.answers = time.Minute
		if took, err := g.await(t, nil, false, kind.WaitAgent); err != nil || took < time.Minute ||
			took > 62*time.Second {
			t.Errorf("it took %s, %v", took, err)
		}
		g = newGuest()
		_, err := g.await(t, nil, false, kind.WaitAgent)
		if unready, ok := errors.AsType[*Error](err); !ok || unready.Advice != adviceNoAgent {
			t.Errorf("without an agent: %v", err)
		}
	})
}

func TestCloudInitIsWaitedForAsLongAsItIsAtWork(t *testing.T) {
	for status, c := range map[string]struct {
		ready  bool
		advice string
	}{
		`{"status":"done","extended_status":"done","errors":[]}`:                         {true, ""},
		`{"status":"disabled","extended_status":"disabled","errors":[]}`:                 {false, adviceDisabled},
		`{"status":"error","extended_status":"error","errors":["boom"],"stage":"final"}`: {false, adviceFailed},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuest()
			g.answers, g.cloudInit = time.Second, status
			took, err := g.await(t, nil, false, kind.WaitCloudInit)
			if c.ready != (err == nil) || took > time.Minute {
				t.Fatalf("%s: after %s: %v", status, took, err)
			}
			if unready, ok := errors.AsType[*Error](err); !c.ready && (!ok || unready.Advice != c.advice) {
				t.Errorf("%s: %v", status, err)
			}
		})
	}
}

// A guest that is off is not waited for. The error shows the end of its console.
func TestAGuestThatIsOffEndsTheWait(t *testing.T) {
	for _, crashes := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuest()
			g.off, g.crashes = 10*time.Second, crashes
			took, err := g.await(t, nil, false, kind.WaitIP)
			unready, ok := errors.AsType[*Error](err)
			if !ok || took > 15*time.Second || unready.Advice != adviceOff ||
				!strings.Contains(unready.Console, "login:") {
				t.Errorf("after %s: %v", took, err)
			}
			if kept := kind.Kept(err); strings.Contains(kept, "login:") || !strings.Contains(kept, "the guest is") {
				t.Errorf("there is kept %q", kept)
			}
		})
	}
}

// What a guest did right before it went off counts.
func TestAGuestThatHasDoneItMayGoOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest()
		g.leased, g.off = 10*time.Second, 10*time.Second
		if took, err := g.await(t, nil, false, kind.WaitIP); err != nil {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestConditionsAreWaitedForOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest()
		g.leased, g.answers, g.cloudInit = time.Minute, 20*time.Second,
			`{"status":"done","extended_status":"done","errors":[]}`
		took, err := g.await(t, nil, false, kind.WaitCloudInit, kind.WaitAgent, kind.WaitIP)
		if err != nil || took < time.Minute || g.agentCalls == 0 {
			t.Errorf("after %s, with %d commands to the agent: %v", took, g.agentCalls, err)
		}
		g = newGuest()
		if took, err := g.await(t, nil, true); err != nil || took != 0 || g.stateCalls > 0 {
			t.Errorf("for nothing it waits %s, %v", took, err)
		}
	})
}

// The first boot is waited for along with the other conditions, unless its report is not wanted. A
// failure ends the wait at once.
func TestAReportOfTheFirstBootIsWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		report     string
		conditions []string
		first      bool
		of         string // the condition that fails; "" for none
	}{
		"well":                     {okReport, []string{kind.WaitIP}, true, ""},
		"failed":                   {badReport, []string{kind.WaitIP}, true, "user_data"},
		"failed, and not wanted":   {badReport, []string{kind.WaitIP, kind.NoReport}, true, ""},
		"failed at another boot":   {badReport, []string{kind.WaitIP}, false, ""},
		"never":                    {"", []string{kind.WaitIP}, true, "user_data"},
		"never, and nothing waits": {"", nil, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest()
				g.leased = 20 * time.Second
				g.files["nova.console.t1.web.log"] += c.report
				took, err := g.await(t, nil, c.first, c.conditions...)
				unready, ok := errors.AsType[*Error](err)
				if ok != (c.of != "") || ok && unready.Condition != c.of {
					t.Errorf("after %s: %v", took, err)
				}
				if failed := c.report == badReport && ok; failed && (took > time.Second ||
					strings.Contains(kind.Kept(err), "run_commands[0]")) {
					t.Errorf("after %s there is kept %q", took, kind.Kept(err))
				}
			})
		})
	}
}

// A host that does not answer for a while does not end the wait; its silence is what was last seen.
func TestAHostThatDoesNotAnswerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest()
		g.silent, g.leased = time.Minute, time.Second
		if took, err := g.await(t, nil, false, kind.WaitIP); err != nil || took < time.Minute {
			t.Errorf("after %s: %v", took, err)
		}
		g.silent = time.Hour
		_, err := g.await(t, nil, false, kind.WaitIP)
		unready, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(unready.LastSeen, host.ErrUnreachable.Error()) {
			t.Errorf("for ever: %v", err)
		}
	})
}

func TestACancelIsNoUnreadyGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		for _, condition := range []string{kind.WaitIP, kind.WaitAgent, kind.WaitCloudInit} {
			_, err := newGuest().awaitAs(ctx, t, kind.Instance{UUID: "id"}, nil, false, condition)
			if _, unready := errors.AsType[*Error](err); unready || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", condition, err)
			}
		}
	})
}
