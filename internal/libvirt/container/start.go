package container

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// startWidth is how many containers of a host this process starts at once. More are not started
// sooner: then more of them have to be started again.
const startWidth = 4

// startTries is how often a container is started that does not start. The pause before the second try
// is at most startPause, and each next one may be twice as long. If 20 containers are started at once,
// some of them need three tries.
const (
	startTries = 6
	startPause = 50 * time.Millisecond
)

// StartDomain starts a container. It leaves a running one as it is.
//
// libvirt looks for a free loop device, and takes it a moment later. If another container, or another
// program on the machine, was quicker, the container does not start, and libvirt has no separate code
// for that. So a container that does not start is tried again, and then no other one of this process is
// started at the same time.
func (cs *Containers) StartDomain(ctx context.Context, uuid string) error {
	weight, pause := int64(1), startPause
	for try := 1; ; try++ {
		if err := cs.starts.Acquire(ctx, weight); err != nil {
			return virterr.Fail("starting", virterr.Domain(uuid), rpc.EndOf(ctx))
		}
		err := cs.power.StartDomain(ctx, uuid)
		cs.starts.Release(weight)
		if !errors.Is(err, host.ErrInternal) || try == startTries {
			return err
		}
		timer := time.NewTimer(rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		weight, pause = startWidth, 2*pause
	}
}
