package provision

import (
	"context"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// warnMemory warns of an instance whose guest is resumed with so much memory, in bytes, if the host does
// not have it available for all guests that this process resumes; otherwise it returns the zero finding.
// It compares with what the host had when the process first asked, because an apply plans some of its
// instances once others are there.
//
// A guest that boots takes memory as it uses it, and few use all. One that is resumed takes at once
// what the snapshot's guest used, and shares none of it. It is no error: the host may have swap, or
// merge equal pages.
func (p *Planner) warnMemory(ctx context.Context, name string, size int64) (finding.Finding, error) {
	info, err := p.inventory.Info(ctx) // the snapshot's key has asked for that, too
	if err != nil || info.AvailableMemoryMiB == 0 {
		return finding.Finding{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resumes == nil {
		p.resumes = map[string]int64{}
	}
	p.resumes[name] = size // a plan may be made twice
	var all int64
	for _, one := range p.resumes {
		all += one
	}
	if uint64(all) <= info.AvailableMemoryMiB<<20 {
		return finding.Finding{}, nil
	}
	return finding.Finding{
		Path: finding.At("strategy"), Summary: "Host has too little memory to resume all guests",
		Detail: fmt.Sprintf("This guest is resumed with %d MiB of memory in use, and all guests to be resumed so far "+
			"(%d) with %d MiB. Host %q has %d MiB available, so it may swap, or end guests. Resume fewer of them, use "+
			"a snapshot of a guest that uses less, or use another strategy, such as linked_clone, whose guests take "+
			"memory only as they use it.", size>>20, len(p.resumes), all>>20, info.Hostname, info.AvailableMemoryMiB),
	}, nil
}
