package domain

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS and REMOTE_PROC_CONNECT_GET_ALL_DOMAIN_STATS in libvirt's
// src/remote/remote_protocol.x.
const (
	procListAllDomains    = 273
	procGetAllDomainStats = 344
)

// A host is asked for its domains and for their statistics at once: a daemon that does not answer has got both.
func TestAHostIsAskedForAllotmentsAtOnce(t *testing.T) {
	relay, uri := virttest.NewRelay(t, virttest.Socket(t))
	c := rpc.New(must.Value(dial.Parse(uri)), rpc.Options{})
	t.Cleanup(c.Close)
	ds, _, _, _, _, _ := New(c)
	must.Value(ds.Allotments(t.Context())) // connects
	before := len(relay.Asked())
	relay.Hush(true)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = ds.Allotments(ctx)
	}()
	for asked := map[uint32]bool{}; !asked[procListAllDomains] || !asked[procGetAllDomainStats]; {
		if ctx.Err() != nil {
			t.Fatalf("the daemon has got the requests %v", asked)
		}
		// A packet begins with its length, and its fourth word is the procedure.
		for rest := relay.Asked()[before:]; len(rest) >= 16; {
			asked[binary.BigEndian.Uint32(rest[12:])] = true
			rest = rest[min(int(binary.BigEndian.Uint32(rest)), len(rest)):]
		}
	}
	cancel()
	<-ended
}
