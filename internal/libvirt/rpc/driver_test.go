package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// refusing is a daemon that opens no driver, and answers with an error code of libvirt. It counts
// connections.
func refusing(t testing.TB, code libvirt.ErrorNumber) (uri string, connections *atomic.Int64) {
	t.Helper()
	connections = new(atomic.Int64)
	socket := filepath.Join(t.TempDir(), "sock")
	listener := must.Get[net.Listener](t)(net.Listen("unix", socket))
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go refuse(c, code)
		}
	}()
	return "qemu+unix:///system?socket=" + socket, connections
}

// refuse answers the requests on a connection (https://libvirt.org/kbase/internals/rpc.html): with
// success, and an empty list, but to that of opening a driver.
func refuse(c net.Conn, code libvirt.ErrorNumber) {
	defer c.Close()
	const size, open = 28, 1 // of length and header; the number of the procedure
	for {
		head := make([]byte, size)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(head))-size); err != nil {
			return
		}
		reply := append([]byte{}, head...)
		binary.BigEndian.PutUint32(reply[16:], 1) // a reply
		payload := []uint32{0}
		if binary.BigEndian.Uint32(head[12:]) == open {
			binary.BigEndian.PutUint32(reply[24:], 1)       // an error
			payload = []uint32{uint32(code), 0, 1, 0, 2, 0} // of domain 0, with the text ""
		}
		for _, word := range payload {
			reply = binary.BigEndian.AppendUint32(reply, word)
		}
		binary.BigEndian.PutUint32(reply, uint32(len(reply)))
		if _, err := c.Write(reply); err != nil {
			return
		}
	}
}

// A daemon that does not open a driver is asked for it once. Only one code says that it does not have it.
func TestADriverThatIsNotOpened(t *testing.T) {
	missing := fmt.Errorf("%w: install it", host.ErrNoDriver)
	for code, want := range map[libvirt.ErrorNumber]error{
		libvirt.ErrNoConnect:     host.ErrNoDriver,
		libvirt.ErrInternalError: host.ErrDriverDown, // it is not active
		libvirt.ErrSystemError:   host.ErrDriverDown, // a proxy cannot reach its daemon
		libvirt.ErrAccessDenied:  host.ErrDriverDown,
		libvirt.ErrNoSupport:     host.ErrDriverDown,
	} {
		uri, connections := refusing(t, code)
		c := client(t, uri, Options{Missing: missing})
		for range 3 {
			_, err := domains(t.Context(), c)
			if !errors.Is(err, want) || errors.Is(err, host.ErrUnreachable) {
				t.Errorf("code %d: %v, want %v", code, err, want)
			}
			for _, kind := range []error{host.ErrNoDriver, host.ErrDriverDown} {
				if !errors.Is(want, kind) && errors.Is(err, kind) {
					t.Errorf("code %d is %v, too", code, kind)
				}
			}
		}
		if n := connections.Load(); n != 1 {
			t.Errorf("code %d: %d connections were opened", code, n)
		}
		if _, err := domains(t.Context(), client(t, uri, Options{})); !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("code %d for a driver that every daemon has: %v", code, err)
		}
	}
}

// A driver that has answered before is only away.
func TestADriverThatWasOpened(t *testing.T) {
	uri, _ := refusing(t, libvirt.ErrSystemError)
	c := client(t, uri, Options{Missing: host.ErrNoDriver})
	c.presence.seen, c.presence.briefly = true, 0
	if _, err := domains(t.Context(), c); !errors.Is(err, host.ErrUnreachable) || host.Driverless(err) {
		t.Errorf("got %v", err)
	}
}
