package transfer

import "time"

// progressInterval is how often progress is reported.
const progressInterval = 3 * time.Second

// progress counts what is done, and reports it now and then.
type progress struct {
	done, total int64
	tell        func(done, total int64)
	told        time.Time
}

func newProgress(total int64, tell func(done, total int64)) *progress {
	return &progress{total: total, tell: tell, told: time.Now()}
}

func (p *progress) add(n int64) { p.at(p.done + n) }

func (p *progress) at(done int64) {
	p.done = done
	if p.tell != nil && time.Since(p.told) >= progressInterval {
		p.told = time.Now()
		p.tell(p.done, p.total)
	}
}

func (p *progress) end() {
	if p.tell != nil {
		p.tell(p.done, p.total)
	}
}
