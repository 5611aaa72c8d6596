// Command bench measures the provider side by side with plain tools (virsh, genisoimage) that do
// the same work on the same host, and with an empty provider that does nothing, and prints the
// ratios. It also measures catalogs, next to their goals. It needs a test host's environment.
//
//	bench                    # everything
//	bench provider
//	bench images             # registering images
//	bench catalog [SIZE...]  # libraries with these numbers of templates
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"time"
)

const (
	rounds      = 5    // the median counts
	started     = 20   // number of linked clones that are started
	planned     = 100  // number of instances in the plan with nothing to do
	plannedMany = 1000 // the same for a large estate
	imageSize   = 500 << 20
)

func main() {
	log.SetFlags(0)
	part := ""
	if len(os.Args) > 1 {
		part = os.Args[1]
	}
	var err error
	switch part {
	case "":
		err = errors.Join(measureProvider(), images(), catalogs(nil))
	case "provider":
		err = measureProvider()
	case "images":
		err = images()
	case "catalog", "catalog-writer":
		err = catalogs(os.Args[1:])
	default:
		err = fmt.Errorf("there is no part %q: use provider, images or catalog", part)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func measureProvider() error {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()
	return b.measure()
}

// row is one line of the results.
type row struct {
	work               string
	ours, floor, plain time.Duration
	subtract           bool // subtract the floor from ours before the comparison with plain
	against            string
	aim                float64
}

func (r row) ratio() float64 {
	ours, other := r.ours, r.plain
	if r.subtract {
		ours -= r.floor
	}
	if r.plain == 0 {
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

// median runs a measurement several times and returns the median.
func median(measure func(round int) (time.Duration, error)) (time.Duration, error) {
	round := 0
	times, err := medians(func() (time.Duration, error) { round++; return measure(round - 1) })
	if err != nil {
		return 0, err
	}
	return times[0], nil
}

// medians runs several measurements in turns, and returns their medians. Because they take turns,
// other work of the machine affects all of them.
func medians(measure ...func() (time.Duration, error)) ([]time.Duration, error) {
	times := make([][]time.Duration, len(measure))
	for range rounds {
		for n, m := range measure {
			d, err := m()
			if err != nil {
				return nil, err
			}
			times[n] = append(times[n], d)
		}
	}
	middle := make([]time.Duration, len(measure))
	for n := range times {
		slices.Sort(times[n])
		middle[n] = times[n][len(times[n])/2]
	}
	return middle, nil
}

func (b *bench) measure() error {
	fmt.Printf("Medians of %d rounds on this machine. \"novacron\" is terraform with the provider, \"empty\" terraform with a provider that\n"+
		"does nothing, \"idle\" one that has novacron's schemas and state and does nothing. Ratios against virsh are with the empty\n"+
		"provider's time subtracted.\n\n", rounds)
	heading("virsh")
	for _, work := range []func() ([]row, error){
		one(b.clones), func() ([]row, error) { return b.noopPlan(planned, 1.5) }, one(b.destroy), b.noopPlanOfMany,
	} {
		rows, err := work()
		if err != nil {
			return err
		}
		for _, r := range rows {
			r.print()
		}
	}
	return nil
}

func heading(plain string) {
	fmt.Printf("| %-44s | %9s | %9s | %9s | %-14s | %5s | %5s |\n", "work", "novacron", "floor", plain, "compared with", "ratio", "aim")
	fmt.Println("|---|---|---|---|---|---|---|")
}

func one(work func() (row, error)) func() ([]row, error) {
	return func() ([]row, error) {
		r, err := work()
		return []row{r}, err
	}
}

func env(name string) (string, error) {
	if v := os.Getenv(name); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("%s is not set: run `make bench`", name)
}
