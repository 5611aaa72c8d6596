package initd

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf8"
)

// StatusSize is the size of the status in bytes. nova-init writes all of it at once, at the
// beginning of the volume.
const StatusSize = 4096

// statusMark begins a status. It has the version of the format, the CRC-32C of the JSON that follows
// the line, and the number of its bytes; newlines fill up the rest.
const statusMark = "nova-status 1 %08x %04d\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// State is what a container is doing.
type State string

// States of a container. It has ended at StateExited and StateFailed.
const (
	StateStarting State = "starting" // its root is being put together
	StateRunning  State = "running"  // the application was executed; it says nothing about its health
	StateWaiting  State = "waiting"  // the application exited, and will be restarted
	StateStopping State = "stopping" // the application was told to stop
	StateExited   State = "exited"   // the application exited, and Exit says how
	StateFailed   State = "failed"   // it could not be started, and Error says why
)

// Status is what nova-init tells the host. Times are of the host's clock.
type Status struct {
	Revision string    `json:"revision"` // of the configuration
	Request  uint64    `json:"request,omitempty"`
	Sequence uint64    `json:"sequence"` // grows with each status since the container was started
	Started  time.Time `json:"started"`  // when nova-init was started
	Updated  time.Time `json:"updated"`

	State    State `json:"state"`
	Restarts int   `json:"restarts"`
	Exit     *Exit `json:"exit,omitempty"` // of the application, when it exited last
	// Stopped says that the host had the application stopped. Otherwise it has ended by itself.
	Stopped bool     `json:"stopped,omitempty"`
	Error   *Failure `json:"error,omitempty"`
	// Health is nil without a health check.
	Health     *HealthStatus     `json:"health,omitempty"`
	Interfaces []InterfaceStatus `json:"interfaces,omitempty"`
	Disks      []DiskStatus      `json:"disks,omitempty"` // that were grown, or could not be
}

// Exit is how a process ended.
type Exit struct {
	Code   int       `json:"code"`             // 128 and the signal's number if a signal ended it
	Signal int       `json:"signal,omitempty"` // 0 if it exited by itself
	At     time.Time `json:"at"`
}

// FailureCode is the part of a start that failed.
type FailureCode string

// Parts of a start that may fail.
const (
	FailedConfig  FailureCode = "config"  // the configuration cannot be used
	FailedRoot    FailureCode = "root"    // the root file system cannot be put together
	FailedFiles   FailureCode = "files"   // a file or directory cannot be written
	FailedNetwork FailureCode = "network" // an interface cannot be configured
	FailedStart   FailureCode = "start"   // the application cannot be executed
)

// Failure is why a container could not be started.
type Failure struct {
	Code    FailureCode `json:"code"`
	Message string      `json:"message"`
}

// HealthState is what the checks have shown so far.
type HealthState string

// Health states.
const (
	HealthStarting  HealthState = "starting" // no check has succeeded yet, and too few have failed
	HealthHealthy   HealthState = "healthy"
	HealthUnhealthy HealthState = "unhealthy" // at least Health.Retries checks in a row have failed
)

// HealthStatus is the result of health checks.
type HealthStatus struct {
	State    HealthState `json:"state"`
	Failures int         `json:"failures"` // in a row, as they count
	Code     int         `json:"code"`     // of the last check
	Output   string      `json:"output"`   // the end of what the last check printed
}

// InterfaceStatus are the addresses of an interface.
type InterfaceStatus struct {
	Name      string   `json:"name"`
	MAC       string   `json:"mac"`
	Addresses []string `json:"addresses,omitempty"` // "192.0.2.7/24"
	Error     string   `json:"error,omitempty"`     // why DHCP has given none
}

// DiskStatus is a disk that was grown.
type DiskStatus struct {
	Name  string `json:"name"` // of the data disk; "" is what the container writes to
	Size  int64  `json:"size"` // of the file system, in bytes
	Error string `json:"error,omitempty"`
}

// Errors of DecodeStatus.
var (
	// ErrNoStatus means that nova-init has not written anything yet.
	ErrNoStatus = errors.New("the container has not reported its status")
	// ErrTornStatus means that the status was read while it was written: read it again.
	ErrTornStatus = errors.New("the status of the container is incomplete")
)

// Encode renders a status in StatusSize bytes. Texts and lists are cut if they do not fit.
func (s Status) Encode() []byte {
	const room = StatusSize - len("nova-status 1 00000000 0000\n")
	text := s.marshal()
	for len(text) > room && s.cut() {
		text = s.marshal()
	}
	page := make([]byte, 0, StatusSize)
	page = fmt.Appendf(page, statusMark, crc32.Checksum(text, castagnoli), len(text))
	page = append(page, text...)
	return append(page, strings.Repeat("\n", StatusSize-len(page))...)
}

func (s *Status) marshal() []byte {
	text, err := json.Marshal(s)
	if err != nil { // a time whose year has five digits
		text, _ = json.Marshal(Status{State: s.State}) // nothing in it can fail
	}
	return text
}

// cut halves the longest text, or if none is long, leaves out an element of a list. It reports
// whether there was something to cut. It must not change what other copies of the status share.
func (s *Status) cut() bool {
	longest := &s.Revision
	consider := func(text *string) {
		if len(*text) > len(*longest) {
			longest = text
		}
	}
	if s.Error != nil {
		failure := *s.Error
		s.Error = &failure
		consider(&s.Error.Message)
	}
	if s.Health != nil {
		health := *s.Health
		s.Health = &health
		consider(&s.Health.Output)
	}
	switch {
	case len(*longest) > 64:
		*longest = tail(*longest, len(*longest)/2)
	case len(s.Disks) > 0:
		s.Disks = s.Disks[:len(s.Disks)-1]
	case len(s.Interfaces) > 0:
		s.Interfaces = s.Interfaces[:len(s.Interfaces)-1]
	case *longest != "":
		*longest = ""
	default:
		return false
	}
	return true
}

// tail returns at most the last n bytes of a text, without half a character.
func tail(text string, n int) string {
	if len(text) <= n {
		return text
	}
	text = text[len(text)-n:]
	for text != "" && !utf8.RuneStart(text[0]) {
		text = text[1:]
	}
	return text
}

// DecodeStatus reads a status. It returns ErrNoStatus if there is none yet, and ErrTornStatus if
// it is not whole or was written by another version.
func DecodeStatus(page []byte) (Status, error) {
	if strings.Trim(string(page), "\x00") == "" {
		return Status{}, ErrNoStatus
	}
	head, rest, found := strings.Cut(string(page), "\n")
	var sum uint32
	var length int
	if !found {
		return Status{}, ErrTornStatus
	}
	if n, err := fmt.Sscanf(head+"\n", statusMark, &sum, &length); err != nil || n != 2 {
		return Status{}, ErrTornStatus
	}
	if length < 0 || length > len(rest) || len(page) > StatusSize ||
		crc32.Checksum([]byte(rest[:length]), castagnoli) != sum {
		return Status{}, ErrTornStatus
	}
	var s Status
	if err := json.Unmarshal([]byte(rest[:length]), &s); err != nil {
		return Status{}, fmt.Errorf("%w: %w", ErrTornStatus, err)
	}
	return s, nil
}
