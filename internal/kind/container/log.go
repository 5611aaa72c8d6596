package container

import (
	"cmp"
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

const (
	logChunk = 1 << 20  // bytes that one look reads
	logTail  = 64 << 10 // bytes that the last lines are taken from
)

func (w *waiter) logName() string {
	return naming.Log(w.instance.Facts.Tenant, w.instance.Facts.Name)
}

// log is the end of what the container has written, if that can be read.
func (w *waiter) log(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	pool, name := w.driver.volumes.Pool(), w.logName()
	// The host does not know how much a container has written until it looks.
	if err := w.driver.host.RefreshPool(ctx, pool); err != nil {
		return ""
	}
	volume, err := w.driver.host.Volume(ctx, pool, name)
	if err != nil {
		return ""
	}
	size := cmp.Or(volume.Physical, volume.Capacity)
	var from uint64
	if size > logTail {
		from = size - logTail
	}
	data, err := w.driver.host.ReadVolumeAt(ctx, pool, name, from, logTail)
	if err != nil {
		return ""
	}
	return kind.LastLines(kind.Printable(data))
}
