package dial

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

func TestWhatIsNotAcknowledgedEndsAConnection(t *testing.T) {
	listener := must.Get[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { listener.Close() })
	c := must.Get[net.Conn](t)(network().DialContext(t.Context(), "tcp", listener.Addr().String()))
	defer c.Close()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var milliseconds int
	var failed error
	err = raw.Control(func(fd uintptr) {
		milliseconds, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT)
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	if want := int(unackedFor.Milliseconds()); milliseconds != want {
		t.Errorf("it takes %d ms, want %d", milliseconds, want)
	}
}
