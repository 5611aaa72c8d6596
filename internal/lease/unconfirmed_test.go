package lease

import (
	"slices"
	"strconv"
	"sync"
	"testing"
)

func TestEachIsListedOnce(t *testing.T) {
	var list Unconfirmed[string]
	if got := list.Take(); len(got) > 0 {
		t.Errorf("at first, the list has %q", got)
	}
	for _, key := range []string{"b", "a", "b", "c", "a"} {
		list.Add(key)
	}
	if got, want := list.Take(), []string{"b", "a", "c"}; !slices.Equal(got, want) {
		t.Errorf("the list has %q, want %q", got, want)
	}
	if got := list.Take(); len(got) > 0 {
		t.Errorf("once it was emptied, the list has %q", got)
	}
	// What is created, or taken over, after a confirmation is for the next one.
	list.Add("a")
	if got := list.Take(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after that, the list has %q, want a", got)
	}
}

// Goroutines add while another empties the list: each key is taken exactly once.
func TestNothingIsLostBetweenGoroutines(t *testing.T) {
	const goroutines, each = 8, 200
	var list Unconfirmed[string]
	var adding sync.WaitGroup
	for g := range goroutines {
		adding.Go(func() {
			for n := range each {
				list.Add(strconv.Itoa(g*each + n))
			}
		})
	}
	added := make(chan struct{})
	go func() { adding.Wait(); close(added) }()
	times := map[string]int{}
	take := func() {
		for _, key := range list.Take() {
			times[key]++
		}
	}
	for done := false; !done; {
		select {
		case <-added:
			done = true
		default:
		}
		take()
	}
	if len(times) != goroutines*each {
		t.Errorf("%d keys were taken, want %d", len(times), goroutines*each)
	}
	for key, n := range times {
		if n != 1 {
			t.Errorf("key %s was taken %d times", key, n)
		}
	}
}

func TestAProcessConfirmsOnlyItsOwn(t *testing.T) {
	for maker, own := range map[string]bool{This(): true, elsewhere: false, This() + "0": false, "": false} {
		left := maker
		if got := Confirm(&left); got != own {
			t.Errorf("this process has confirmed what %q created: %t, want %t", maker, got, own)
		}
		if want := map[bool]string{true: "", false: maker}[own]; left != want {
			t.Errorf("what %q created names %q as its maker, want %q", maker, left, want)
		}
	}
}
