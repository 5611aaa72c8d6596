package main

import (
	"fmt"
	"os"
)

const (
	defined = 50 // linked clones that are created and not started
	started = 10 // linked clones that are started
)

// clones creates linked clones, and removes them again: without starting them, and started, without
// waiting for the guests. The plain tools and the empty provider take turns with novacron.
func (b *bench) clones(n int, running bool) ([]row, error) {
	power, doing := "stopped", "create"
	if running {
		power, doing = "running", "create and start"
	}
	base := provider + template("tiny") + version(b.tinyImage)
	w := b.tf.workspace("clones", base)
	if _, err := b.tf.timed(w, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	if err := b.plain.base(); err != nil {
		return nil, err
	}
	times, err := b.inTurns(n, running, w, func(n int) string {
		if n == 0 {
			return base
		}
		return base + instances("bench", n, power)
	})
	if err != nil {
		return nil, err
	}
	rows := []row{
		{work: fmt.Sprintf("%s %d linked clones", doing, n), aim: 1.2},
		{work: fmt.Sprintf("destroy %d linked clones, off", n), aim: 1.5},
	}
	for i := range rows {
		rows[i].ours, rows[i].floor, rows[i].plain = times[0][i], times[1][i], times[2][i]
		rows[i].against, rows[i].subtract = "one virsh", true
	}
	other, err := b.other(rows, n, running)
	if err != nil {
		return nil, err
	}
	if _, err := b.tf.timed(w, "destroy", "-auto-approve"); err != nil {
		return nil, err
	}
	return append(rows, other...), b.plain.removeBase()
}

// inTurns measures how novacron, a provider that does nothing and the plain tools create n instances
// and remove them. config is what the workspace w has with that many.
func (b *bench) inTurns(n int, running bool, w string, config func(n int) string) ([][]sample, error) {
	applied := func(w string, config func(n int) string) func(int) ([]sample, error) {
		return func(int) ([]sample, error) {
			return b.thenRemoved(
				func() (sample, error) { return b.tf.applied(w, config(n)) },
				func() (sample, error) { return b.tf.applied(w, config(0)) })
		}
	}
	return medians(applied(w, config), applied(b.tf.workspace("nothing", ""), emptyThings),
		func(int) ([]sample, error) {
			return b.thenRemoved(
				func() (sample, error) { return b.plain.clones(n, running) },
				func() (sample, error) { return b.plain.remove(n) })
		})
}

// thenRemoved measures how instances are created, and then how they are removed once they are off:
// what guests take to shut down does not count.
func (b *bench) thenRemoved(create, remove func() (sample, error)) ([]sample, error) {
	created, err := create()
	if err != nil {
		return nil, err
	}
	if err := b.plain.powerOff(); err != nil {
		return nil, err
	}
	removed, err := remove()
	return []sample{created, removed}, err
}

// other does the same with the nearest other provider for libvirt, once, if envOther names its
// binary. Its time, as a whole, is compared with all of ours.
func (b *bench) other(rows []row, n int, running bool) ([]row, error) {
	if b.otherRC == "" {
		return nil, nil
	}
	uri := b.uri
	w := b.tf.workspace("other", others(uri, b.tinyImage, 0, running))
	if _, err := b.tf.timedWith(b.otherRC, w, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	times, err := b.thenRemoved(
		func() (sample, error) {
			b.tf.configure(w, others(uri, b.tinyImage, n, running))
			return b.tf.timedWith(b.otherRC, w, "apply", "-auto-approve")
		},
		func() (sample, error) {
			b.tf.configure(w, others(uri, b.tinyImage, 0, running))
			return b.tf.timedWith(b.otherRC, w, "apply", "-auto-approve")
		})
	if err != nil {
		return nil, err
	}
	var more []row
	for i, r := range rows {
		r.plain, r.subtract, r.against, r.aim = times[i], false, "dmacvicar, all, once", 0
		more = append(more, r)
	}
	if _, err := b.tf.timedWith(b.otherRC, w, "destroy", "-auto-approve"); err != nil {
		return nil, err
	}
	return more, os.RemoveAll(w)
}
