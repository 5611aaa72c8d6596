package catalog

import (
	"cmp"
	"slices"
	"time"
)

// Actions of provisioning requests.
const (
	ActionCreate  = "create"
	ActionReimage = "reimage"
)

// RequestStatuses lists the statuses in the order of a request's life.
func RequestStatuses() []string {
	return []string{
		string(RequestPending), string(RequestRunning), string(RequestCompleted), string(RequestFailed),
		string(RequestCancelled),
	}
}

// Over reports whether a request of that status is finished.
func (s RequestStatus) Over() bool {
	return s == RequestCompleted || s == RequestFailed || s == RequestCancelled
}

// diedError is the error of a request whose process died before it could report the outcome.
const diedError = "The process that worked on it ended, or ran out of time, before it could report the result."

// Concluded is the request as it stands, given whether its Lease has ended. If it has, a request that
// is not over has failed.
func (r ProvisioningRequest) Concluded(ended bool) ProvisioningRequest {
	if r.Status.Over() || !ended {
		return r
	}
	r.Status, r.Error = RequestFailed, diedError
	return r
}

// SortRequests orders requests newest first.
func SortRequests(requests []ProvisioningRequest) {
	slices.SortFunc(requests, func(a, b ProvisioningRequest) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID.ID, b.ID.ID))
	})
}

// RequestFilter selects requests. A field that is "" selects all.
type RequestFilter struct {
	Template string // "tenant/name"
	Instance string // name
	Status   RequestStatus
	Limit    int // how many at most, 0 for all
}

// Of returns the requests that the filter selects, in their order.
func (f RequestFilter) Of(requests []ProvisioningRequest) []ProvisioningRequest {
	var chosen []ProvisioningRequest
	for _, r := range requests {
		if f.Limit > 0 && len(chosen) == f.Limit {
			break
		}
		if (f.Template == "" || r.Template == f.Template) && (f.Instance == "" || r.Instance == f.Instance) &&
			(f.Status == "" || r.Status == f.Status) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// Retention says which requests are kept: the newest Count, and of these the ones that are not
// older than Age. Requests that are not over stay in any case. A field that is 0 has the default.
type Retention struct {
	Count int
	Age   time.Duration
}

// Defaults of Retention.
const (
	DefaultRequestCount = 1000
	DefaultRequestAge   = 90 * 24 * time.Hour
)

// Expired returns those requests of one tenant, given newest first, that are not to be kept; the
// oldest comes first.
func (t Retention) Expired(requests []ProvisioningRequest, now time.Time) []ProvisioningRequest {
	count, age := cmp.Or(t.Count, DefaultRequestCount), cmp.Or(t.Age, DefaultRequestAge)
	var expired []ProvisioningRequest
	for place, r := range slices.Backward(requests) {
		if r.Status.Over() && (place >= count || now.Sub(r.CreatedAt) > age) {
			expired = append(expired, r)
		}
	}
	return expired
}
