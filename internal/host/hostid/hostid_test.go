package hostid

import (
	"errors"
	"testing"
)

func TestHostsAreToldApart(t *testing.T) {
	noted := ID{UUID: "u1", Name: "node1", Pool: "p1"}
	unpooled := ID{UUID: "u1", Name: "node1"}
	for name, c := range map[string]struct {
		noted, now ID
		hasPool    bool
		want       sameness
	}{
		"the same host":                           {noted, noted, true, sameHost},
		"the same host, another of its pools":     {noted, ID{"u1", "node1", "p2"}, true, sameHost},
		"another host":                            {noted, ID{"u2", "node2", "p2"}, false, anotherHost},
		"another host of the same name":           {noted, ID{"u2", "node1", "p2"}, false, anotherHost},
		"another host with the same board's UUID": {noted, ID{"u1", "node2", "p2"}, false, anotherHost},
		"another host without the pool":           {noted, ID{"u2", "node1", ""}, false, anotherHost},
		"a copy of the host's disk, renamed":      {noted, ID{"u2", "node2", "p1"}, true, anotherHost},
		"a renamed host":                          {noted, ID{"u1", "node9", "p1"}, true, sameHost},
		"a new board, or one without a UUID":      {noted, ID{"u2", "node1", "p1"}, true, sameHost},
		"a pool that was created again":           {noted, ID{"u1", "node1", "p2"}, false, perhapsSameHost},
		"a host that lost its pool":               {noted, ID{"u1", "node1", ""}, false, perhapsSameHost},
		"another name in full":                    {noted, ID{"u1", "NODE1.example.com", "p2"}, false, perhapsSameHost},
		"no pool was noted, the same host":        {unpooled, noted, false, sameHost},
		"no pool was noted, another host":         {unpooled, ID{"u2", "node2", "p1"}, false, anotherHost},
		"no pool was noted, another UUID":         {unpooled, ID{"u2", "node1", "p1"}, false, perhapsSameHost},
		"no pool was noted, another name":         {unpooled, ID{"u1", "node2", "p1"}, false, sameHost},
		"the same first label, of another domain": {ID{"u1", "node1.a", "p1"}, ID{"u1", "node1.b", "p2"}, false,
			anotherHost},
		"the same first label, of the same domain": {
			ID{"u1", "node1.a", "p1"}, ID{"u1", "Node1.A", "p1"}, true, sameHost,
		},
		"the same first label, and another network": {
			ID{"u1", "node1.a", "p1"}, ID{"u1", "node1.b", "p1"}, true, sameHost,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.noted.compare(c.now, c.hasPool); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestOnlyADoubtIsPerhaps(t *testing.T) {
	for _, perhaps := range []bool{true, false} {
		if got := errors.Is(&MovedError{Perhaps: perhaps}, ErrPerhapsMoved); got != perhaps {
			t.Errorf("errors.Is is %t, want %t", got, perhaps)
		}
	}
}
