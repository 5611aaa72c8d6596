package catalog

import (
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// RequestStatus is how far a provisioning request has come.
type RequestStatus string

// Statuses of provisioning requests.
const (
	RequestPending   RequestStatus = "pending"
	RequestRunning   RequestStatus = "running"
	RequestCompleted RequestStatus = "completed"
	RequestFailed    RequestStatus = "failed"
	RequestCancelled RequestStatus = "cancelled"
)

// RequestID names a provisioning request. It is written "tenant/id".
type RequestID struct {
	Tenant string `json:"tenant"`
	ID     string `json:"id"` // random
}

func (id RequestID) String() string { return id.Tenant + "/" + id.ID }

// ProvisioningRequest records that a user asked for an instance or its reimage, and the outcome. It
// outlives the instance. It never contains secrets.
type ProvisioningRequest struct {
	ID          RequestID     `json:"id"`
	Action      string        `json:"action"`   // create or reimage
	Instance    string        `json:"instance"` // name
	UUID        string        `json:"uuid,omitempty"`
	Template    string        `json:"template"` // "tenant/name"
	Version     string        `json:"version"`  // as resolved
	Strategy    Strategy      `json:"strategy"`
	Host        string        `json:"host"` // libvirt URI, without credentials
	RequestedBy string        `json:"requested_by"`
	Status      RequestStatus `json:"status"`
	Error       string        `json:"error,omitempty"`
	CreatedAt   time.Time     `json:"created_at"`
	StartedAt   *time.Time    `json:"started_at,omitempty"`
	CompletedAt *time.Time    `json:"completed_at,omitempty"`
	Runner      string        `json:"runner,omitempty"` // process that works on it, as package lease names it
	Deadline    time.Time     `json:"deadline"`         // by then it is over, or its runner is dead
	Steps       []RequestStep `json:"steps,omitempty"`
}

// Lease is the lease on the work on the request. Its deadline is by the clock of its runner's
// machine.
func (r ProvisioningRequest) Lease() lease.Lease {
	return lease.Lease{Holder: r.Runner, Since: r.CreatedAt, Deadline: r.Deadline}
}

// RequestStep is one step of a provisioning.
type RequestStep struct {
	Name       string `json:"name"`
	DurationMS int64  `json:"duration_ms"`
}

// RegistrationRecord says how a version was registered.
type RegistrationRecord struct {
	StartedAt   time.Time     `json:"started_at"`
	CompletedAt time.Time     `json:"completed_at"`
	Steps       []RequestStep `json:"steps"`
}
