package main

import "fmt"

// noopPlan plans the n instances of b.many, which are as they should be. It is compared with a
// provider that does nothing, which has few values a resource, and with one that has as many values
// and never looks at them. The three take turns.
func (b *bench) noopPlan(n int, aim float64) ([]row, error) {
	empty := b.tf.workspace(fmt.Sprintf("emptyplan%d", n), emptyThings(n))
	if _, err := b.tf.timed(empty, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	times, err := medians(
		once(func() (sample, error) { return b.tf.timed(b.many, "plan", "-detailed-exitcode") }),
		once(func() (sample, error) { return b.tf.timed(empty, "plan", "-detailed-exitcode") }),
		once(func() (sample, error) { return b.tf.timedWith(b.idleRC, b.many, "plan", "-detailed-exitcode") }))
	if err != nil {
		return nil, err
	}
	work := fmt.Sprintf("plan %d instances, nothing to do", n)
	return []row{
		{work: work, ours: times[0][0], floor: times[1][0], against: "empty provider", aim: aim},
		{work: work, ours: times[0][0], floor: times[2][0], against: "idle provider"},
	}, nil
}
