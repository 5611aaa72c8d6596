package main

import (
	"fmt"
	"slices"
	"time"
)

// row is one line of the result.
type row struct {
	work               string
	ours, floor, plain sample
	// subtract: ours less the floor is compared with plain; otherwise all of ours is.
	subtract bool
	against  string
	aim      float64
}

// ratio compares ours with the plain tools, or if there are none, with the floor.
func (r row) ratio() float64 {
	ours, other := r.ours.took, r.plain.took
	if r.subtract {
		ours -= r.floor.took
	}
	if r.plain.took == 0 {
		other = r.floor.took
	}
	return ours.Seconds() / other.Seconds()
}

func (r row) print() {
	plain, theirs, aim := "–", "–", "–"
	if r.plain.took == 0 {
		theirs = r.floor.client.String() + " + " + r.floor.daemon.String()
	} else {
		plain = fmt.Sprintf("%.2f s", r.plain.took.Seconds())
		if r.plain.daemon.cpu > 0 {
			theirs = r.plain.client.String() + " + " + r.plain.daemon.String()
		}
	}
	if r.aim > 0 {
		aim = fmt.Sprintf("≤ %.1f", r.aim)
	}
	ours := "–"
	if r.ours.client.cpu > 0 {
		ours = r.ours.client.String() + " + " + r.ours.daemon.String()
	}
	fmt.Printf("| %-44s | %7.2f s | %7.2f s | %9s | %-22s | %5.2f | %5s | %s | %s |\n",
		r.work, r.ours.took.Seconds(), r.floor.took.Seconds(), plain, r.against, r.ratio(), aim, ours, theirs)
}

func heading(plain string) {
	fmt.Printf("| %-44s | %9s | %9s | %9s | %-22s | %5s | %5s | %s | %s |\n",
		"work", "novacron", "floor", plain, "compared with", "ratio", "aim", "CPU and memory of ours", "of theirs")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
}

// medians runs several measurements, which take turns, so that other work on the machine disturbs
// all of them alike. Each may take several samples; all those of one place in its list are
// compared.
func medians(measure ...func(round int) ([]sample, error)) ([][]sample, error) {
	return mediansOf(rounds, measure...)
}

// mediansOf is medians of a number of rounds.
func mediansOf(rounds int, measure ...func(round int) ([]sample, error)) ([][]sample, error) {
	var all [][][]sample // by measurement, round and place
	for range measure {
		all = append(all, nil)
	}
	for round := range rounds {
		for n, m := range measure {
			samples, err := m(round)
			if err != nil {
				return nil, err
			}
			all[n] = append(all[n], samples)
		}
	}
	middle := make([][]sample, len(measure))
	for n := range all {
		for place := range all[n][0] {
			var of []sample
			for round := range all[n] {
				of = append(of, all[n][round][place])
			}
			slices.SortFunc(of, func(a, b sample) int { return int(a.took - b.took) })
			middle[n] = append(middle[n], of[len(of)/2])
		}
	}
	return middle, nil
}

// once turns a measurement of one sample into one for medians.
func once(measure func() (sample, error)) func(int) ([]sample, error) {
	return func(int) ([]sample, error) {
		s, err := measure()
		return []sample{s}, err
	}
}

// per is a sample's time for each of n.
func (s sample) per(n int) time.Duration { return s.took / time.Duration(n) }
