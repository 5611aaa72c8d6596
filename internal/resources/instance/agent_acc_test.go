package instance_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
)

// virshAgent reaches a guest's agent through virsh, which knows nothing of the provider.
type virshAgent struct {
	t      *testing.T
	host   *acctest.Host
	domain string
}

// AgentCommand implements agent.Transport.
func (a virshAgent) AgentCommand(_ context.Context, command string, timeout time.Duration) (string, error) {
	return a.host.Virsh(a.t, "qemu-agent-command", "--timeout", fmt.Sprint(int(timeout.Seconds())), a.domain, command),
		nil
}

func guestAgent(t *testing.T, host *acctest.Host, domain string) *agent.Agent {
	return agent.New(virshAgent{t, host, domain})
}
