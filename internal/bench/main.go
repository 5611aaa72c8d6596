// Command bench measures the provider side by side with the plain tools (virsh, genisoimage) doing the same work on the
// same host, and with an empty provider doing nothing, and prints the ratios. It needs a test host's environment.
package main

import (
	"fmt"
	"log"
	"os"
	"slices"
	"time"
)

const (
	rounds    = 3   // of which the median counts
	started   = 20  // linked clones that are started
	planned   = 100 // instances of the plan that finds nothing to do
	imageSize = 500 << 20
)

func main() {
	log.SetFlags(0)
	b, err := newBench()
	if err != nil {
		log.Fatal(err)
	}
	defer b.close()
	if err := b.measure(); err != nil {
		b.close()
		log.Fatal(err)
	}
}

// row is one line of the result.
type row struct {
	work               string
	ours, floor, plain time.Duration
	subtract           bool // the floor, before ours is compared with plain
	against            string
	aim                float64
}

func (r row) ratio() float64 {
	ours, other := r.ours, r.plain
	if r.subtract {
		ours -= r.floor
	}
	if r.against == "empty provider" {
		other = r.floor
	}
	return ours.Seconds() / other.Seconds()
}

func (r row) print() {
	plain := "–"
	if r.plain > 0 {
		plain = fmt.Sprintf("%.2f s", r.plain.Seconds())
	}
	aim := "–"
	if r.aim > 0 {
		aim = fmt.Sprintf("≤ %.1f", r.aim)
	}
	fmt.Printf("| %-44s | %7.2f s | %7.2f s | %9s | %-14s | %5.2f | %5s |\n",
		r.work, r.ours.Seconds(), r.floor.Seconds(), plain, r.against, r.ratio(), aim)
}

// median runs a measurement several times.
func median(measure func(round int) (time.Duration, error)) (time.Duration, error) {
	var times []time.Duration
	for round := range rounds {
		d, err := measure(round)
		if err != nil {
			return 0, err
		}
		times = append(times, d)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

func (b *bench) measure() error {
	fmt.Printf("Medians of %d rounds on this machine. \"novacron\" is terraform with the provider, \"empty\" terraform with a provider that\n"+
		"does nothing. Ratios against virsh are with the empty provider's time subtracted.\n\n", rounds)
	fmt.Printf("| %-44s | %9s | %9s | %9s | %-14s | %5s | %5s |\n", "work", "novacron", "empty", "virsh", "compared with", "ratio", "aim")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, work := range []func() (row, error){b.register, b.clones, b.noopPlan, b.destroy} {
		r, err := work()
		if err != nil {
			return err
		}
		r.print()
	}
	return nil
}

func env(name string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s is not set: run `make bench`", name)
}
