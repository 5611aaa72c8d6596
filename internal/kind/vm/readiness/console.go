package readiness

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

const (
	// consoleTail is how much of the console's end is read for an error, in bytes.
	consoleTail = 64 << 10
	// consoleChunk is how much of a console is in memory at once, and longestReport how much of one is
	// kept to see a report that began in it. Both in bytes; a guest may write as much as it likes.
	consoleChunk  = 1 << 20
	longestReport = 32 << 10
	// olderAfter is how long a report may be missing before it is looked for in files that were the
	// console's before. If a guest writes much between two looks, the file begun meanwhile may be
	// longer than what was read of the one before. So the older files are searched again each time
	// that twice as long has passed.
	olderAfter = 10 * time.Second
)

// logs is what a console needs of a host.
type logs interface {
	Volume(ctx context.Context, pool, name string) (host.Volume, error)
	ReadVolumeAt(ctx context.Context, pool, name string, offset uint64, limit int64) ([]byte, error)
	RefreshPool(ctx context.Context, pool string) error
}

// console is what a guest has written to its serial console since it was started. virtlogd, which
// writes it down, begins another file after 2 MiB, by its defaults, and keeps three older ones,
// named .0 (the youngest) to .2.
type console struct {
	host         logs
	pool, volume string

	read  uint64 // bytes of the volume that were searched for a report
	rest  string // the end of what was searched
	begun time.Time
	older time.Duration // how long after begun the older files are searched next
}

func (w *Waiter) console(i kind.Instance) *console {
	volume := naming.Console(i.Facts.Tenant, i.Facts.Name)
	if naming.IsWarm(i.DomainName) {
		volume = naming.WarmConsole(i.DomainName)
	}
	return &console{host: w.host, pool: w.pool, volume: volume, begun: time.Now()}
}

// report finds what the guest of that instance ID has reported; see guest.Report. Each call reads
// only what was written since the one before.
func (c *console) report(ctx context.Context, id string) (failure string, reported bool, err error) {
	volume, err := c.host.Volume(ctx, c.pool, c.volume)
	if err != nil {
		return "", false, err
	}
	if volume.Capacity < c.read { // it is another file now
		if failure, reported, err = c.searchOlder(ctx, id, []string{".0"}, c.read); reported || err != nil {
			return failure, reported, err
		}
		c.read = 0
	}
	if failure, reported, err = c.search(ctx, id, c.volume, &c.read, volume.Capacity); reported || err != nil {
		return failure, reported, err
	}
	since := time.Since(c.begun)
	if since < max(c.older, olderAfter) {
		return "", false, nil
	}
	rest := c.rest
	c.rest = ""
	failure, reported, err = c.searchOlder(ctx, id, []string{".2", ".1", ".0"}, 0)
	c.rest = rest
	if err == nil {
		c.older = 2 * since
	}
	return failure, reported, err
}

// searchOlder searches older files, if they exist, the first one from an offset on. It has to
// refresh the pool for them, because they are created without libvirt's knowledge.
func (c *console) searchOlder(
	ctx context.Context, id string, suffixes []string, from uint64,
) (failure string, reported bool, err error) {
	if err := c.host.RefreshPool(ctx, c.pool); err != nil {
		return "", false, err
	}
	for _, suffix := range suffixes {
		volume, err := c.host.Volume(ctx, c.pool, c.volume+suffix)
		if errors.Is(err, host.ErrNoVolume) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		if failure, reported, err = c.search(ctx, id, c.volume+suffix, &from, volume.Capacity); reported || err != nil {
			return failure, reported, err
		}
		from = 0
	}
	return "", false, nil
}

// search looks for a report in a volume of that size, from *from on, which it moves forward.
func (c *console) search(
	ctx context.Context, id, volume string, from *uint64, size uint64,
) (failure string, reported bool, err error) {
	for *from < size {
		data, err := c.host.ReadVolumeAt(ctx, c.pool, volume, *from, consoleChunk)
		if err != nil || len(data) == 0 {
			return "", false, err
		}
		*from += uint64(len(data))
		text := c.rest + kind.Printable(data)
		if failure, reported := guest.Report(text, id); reported {
			return failure, true, nil
		}
		c.rest = text[max(0, len(text)-longestReport):]
	}
	return "", false, nil
}

// tail is the last lines.
func (c *console) tail(ctx context.Context) (string, error) {
	volume, err := c.host.Volume(ctx, c.pool, c.volume)
	if err != nil {
		return "", err
	}
	data, err := c.host.ReadVolumeAt(ctx, c.pool, c.volume, volume.Capacity-min(volume.Capacity, consoleTail),
		consoleTail)
	if err != nil {
		return "", err
	}
	text := kind.Printable(data)
	if len(data) < consoleTail/8 { // it may have been begun just now
		text = c.olderTail(ctx) + text
	}
	return kind.LastLines(text), nil
}

// olderTail is the end of the file before, "" if there is none.
func (c *console) olderTail(ctx context.Context) string {
	if err := c.host.RefreshPool(ctx, c.pool); err != nil {
		return ""
	}
	older, err := c.host.Volume(ctx, c.pool, c.volume+".0")
	if err != nil {
		return ""
	}
	data, err := c.host.ReadVolumeAt(ctx, c.pool, c.volume+".0", older.Capacity-min(older.Capacity, consoleTail),
		consoleTail)
	if err != nil {
		return ""
	}
	return kind.Printable(data)
}

// consoleTail is the end of what a guest has written to its serial console, "" if it cannot be
// read.
func (w *Waiter) consoleTail(ctx context.Context, i kind.Instance) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	text, err := w.console(i).tail(ctx)
	if err != nil {
		return ""
	}
	return text
}
