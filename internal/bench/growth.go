package main

import "fmt"

// A pool that has some instances gets a few more, which are removed again.
const more = 10

// sizes are how many instances a pool has while one more is measured, and a plan of all of them.
var sizes = []struct {
	instances int
	more      bool    // measure one more
	plan      float64 // aim for a plan of all of them, against the empty provider; 0 for no plan
}{
	{instances: 50, more: true}, {instances: 100, plan: 1.5}, {instances: 200, more: true},
	{instances: 1000, more: true, plan: 1.9},
}

// growth measures plans that have nothing to do, and how the time for one instance grows with the
// number of instances in the pool.
func (b *bench) growth() ([]row, error) {
	base := provider + template("tiny") + version(b.tinyImage)
	b.many = b.tf.workspace("many", base)
	if err := b.plain.base(); err != nil {
		return nil, err
	}
	var rows []row
	for _, size := range sizes {
		if _, err := b.tf.applied(b.many, base+instances("many", size.instances, "stopped")); err != nil {
			return nil, err
		}
		if size.more {
			if err := b.oneMore(size.instances); err != nil {
				return nil, err
			}
		}
		if size.plan > 0 {
			plans, err := b.noopPlan(size.instances, size.plan)
			if err != nil {
				return nil, err
			}
			rows = append(rows, plans...)
		}
	}
	if _, err := b.tf.timed(b.many, "destroy", "-auto-approve"); err != nil {
		return nil, err
	}
	return rows, b.plain.removeBase()
}

// oneMore creates a few instances in another workspace, which uses the template of b.many, and
// prints the time for one of them.
func (b *bench) oneMore(size int) error {
	config := func(n int) string {
		return provider + fmt.Sprintf(`
resource "novacron_instance" "few" {
  count       = %d
  name        = "few-${count.index}"
  template_id = "default/tiny"
  version     = "1.0.0"
  power_state = "stopped"
  wait_for    = []
}
`, n)
	}
	times, err := b.inTurns(more, false, b.tf.workspace("few", ""), config)
	if err != nil {
		return err
	}
	ours, floor, plain := times[0], times[1], times[2]
	fmt.Printf("| %9d |", size)
	for i := range ours {
		fmt.Printf(" %9.1f ms | %9.1f ms |",
			1e3*(ours[i].per(more)-floor[i].per(more)).Seconds(), 1e3*plain[i].per(more).Seconds())
	}
	fmt.Println()
	return nil
}
