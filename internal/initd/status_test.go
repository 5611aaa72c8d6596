package initd_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

func reported() initd.Status {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return initd.Status{
		Revision: "r7", Request: 3, Sequence: 9, Started: at, Updated: at.Add(time.Second),
		State: initd.StateWaiting, Restarts: 2,
		Exit:   &initd.Exit{Code: 137, Signal: 9, At: at},
		Error:  &initd.Failure{Code: initd.FailedStart, Message: "cannot start [nosuch]: no such file"},
		Health: &initd.HealthStatus{State: initd.HealthUnhealthy, Failures: 3, Code: 1, Output: "<&>\"äö\n\x01"},
		Interfaces: []initd.InterfaceStatus{{Name: "eth0", MAC: "52:54:00:00:00:01",
			Addresses: []string{"192.0.2.7/24"}}},
		Disks: []initd.DiskStatus{{Name: "data", Size: 1 << 40}},
	}
}

func TestAStatusArrivesAsItIs(t *testing.T) {
	page := reported().Encode()
	if len(page) != initd.StatusSize {
		t.Fatalf("it has %d bytes", len(page))
	}
	got, err := initd.DecodeStatus(page)
	if err != nil || !reflect.DeepEqual(got, reported()) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := initd.DecodeStatus(make([]byte, initd.StatusSize)); !errors.Is(err, initd.ErrNoStatus) {
		t.Errorf("nothing is %v", err)
	}
}

// A page that has the beginning of one status and the end of another is never taken for a status.
func TestATornStatusIsRecognized(t *testing.T) {
	before := reported()
	after := reported()
	after.Sequence, after.State, after.Health.Output = 10, initd.StateRunning, "other"
	after.Health.State = initd.HealthHealthy
	a, b := before.Encode(), after.Encode()
	for at := range initd.StatusSize {
		page := append(bytes.Clone(a[:at]), b[at:]...)
		got, err := initd.DecodeStatus(page)
		switch {
		case bytes.Equal(page, a) || bytes.Equal(page, b):
			if err != nil {
				t.Errorf("at %d: %v", at, err)
			}
		case !errors.Is(err, initd.ErrTornStatus):
			t.Errorf("torn at %d it is %+v, %v", at, got, err)
		}
	}
	for _, page := range [][]byte{nil, a[:100], append(bytes.Clone(a), '\n'), []byte("nova-status 2 00000000 0000\n"),
		[]byte("nova-status 1 00000000 -001\n"), []byte("x")} {
		if got, err := initd.DecodeStatus(page); err == nil {
			t.Errorf("%q is %+v", page, got)
		}
	}
}

func TestLongTextsAreCut(t *testing.T) {
	s := reported()
	s.Health.Output = strings.Repeat("ä\x01", 2000) + "the end"
	s.Error.Message = strings.Repeat("why ", 1000)
	for range 100 {
		s.Interfaces = append(s.Interfaces, initd.InterfaceStatus{Name: "eth0", Error: "no"})
		s.Disks = append(s.Disks, initd.DiskStatus{Name: "data"})
	}
	before := s.Health.Output
	got := must.Value(initd.DecodeStatus(s.Encode()))
	if !strings.HasSuffix(got.Health.Output, "the end") || !utf8.ValidString(got.Health.Output) {
		t.Errorf("the output is %q", got.Health.Output)
	}
	if got.State != s.State || got.Exit == nil || got.Error.Code != s.Error.Code || len(got.Interfaces) == 0 {
		t.Errorf("got %+v", got)
	}
	if s.Health.Output != before || len(s.Interfaces) != 101 {
		t.Error("the status itself was cut")
	}
}

// FuzzStatus renders any texts into one page, and FuzzDecodeStatus reads any page.
func FuzzStatus(f *testing.F) {
	f.Add("r1", "message", "output", "192.0.2.7/24", 3)
	f.Add(strings.Repeat("\x01", 5000), strings.Repeat("ä", 5000), strings.Repeat("<", 5000), "\xff", 500)
	f.Fuzz(func(t *testing.T, revision, message, output, address string, count int) {
		s := initd.Status{
			Revision: revision, State: initd.StateRunning, Error: &initd.Failure{Message: message},
			Health: &initd.HealthStatus{Output: output},
		}
		for range min(max(count, 0), 1000) {
			s.Interfaces = append(s.Interfaces, initd.InterfaceStatus{Name: address, Addresses: []string{address}})
		}
		page := s.Encode()
		got, err := initd.DecodeStatus(page)
		if len(page) != initd.StatusSize || err != nil || got.State != s.State {
			t.Errorf("%d bytes: %+v, %v", len(page), got, err)
		}
	})
}

func FuzzDecodeStatus(f *testing.F) {
	f.Add(reported().Encode())
	f.Add([]byte("nova-status 1 00000000 0000\n"))
	f.Fuzz(func(t *testing.T, page []byte) {
		if _, err := initd.DecodeStatus(page); err != nil && !errors.Is(err, initd.ErrTornStatus) &&
			!errors.Is(err, initd.ErrNoStatus) {
			t.Errorf("got %v", err)
		}
	})
}
