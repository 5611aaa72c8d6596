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
	return []string{string(RequestPending), string(RequestRunning), string(RequestCompleted), string(RequestFailed), string(RequestCancelled)}
}

// Over tells whether nothing more becomes of a request of that status.
func (s RequestStatus) Over() bool {
	return s == RequestCompleted || s == RequestFailed || s == RequestCancelled
}

// diedError is the error of a request whose process has not lived to tell what came of it.
const diedError = "The process that worked on it ended, or ran out of time, before it could report the result."

// Settled is the request as of now. One that is not over, though its runner is dead or its deadline has passed, has failed;
// runnerDead says the former.
func (r ProvisioningRequest) Settled(runnerDead bool, now time.Time) ProvisioningRequest {
	if r.Status.Over() || !runnerDead && !Overdue(r.Deadline, now) {
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

// RequestFilter chooses requests. What is "" is not asked for.
type RequestFilter struct {
	Template string // "tenant/name"
	Instance string // name
	Status   RequestStatus
	Limit    int // how many at most, 0 for all
}

// Of are the requests that the filter chooses, in their order.
func (f RequestFilter) Of(requests []ProvisioningRequest) []ProvisioningRequest {
	var chosen []ProvisioningRequest
	for _, r := range requests {
		if f.Limit > 0 && len(chosen) == f.Limit {
			break
		}
		if (f.Template == "" || r.Template == f.Template) && (f.Instance == "" || r.Instance == f.Instance) && (f.Status == "" || r.Status == f.Status) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

// Retention says which requests are kept: the newest Count, and of these those that are not older than Age. Those that are
// not over stay in any case. What is 0 has the default.
type Retention struct {
	Count int
	Age   time.Duration
}

// Defaults of Retention.
const (
	DefaultRequestCount = 1000
	DefaultRequestAge   = 90 * 24 * time.Hour
)

// Expired are the requests, out of those of one tenant newest first, that are not to be kept; the oldest comes first.
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
