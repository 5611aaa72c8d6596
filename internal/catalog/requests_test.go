package catalog

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// history returns requests of these statuses, one an hour, the newest now.
func history(now time.Time, statuses ...RequestStatus) []ProvisioningRequest {
	requests := make([]ProvisioningRequest, len(statuses))
	for i, status := range statuses {
		requests[i] = ProvisioningRequest{
			ID: RequestID{"t1", strconv.Itoa(i)}, Status: status, CreatedAt: now.Add(-time.Duration(i) * time.Hour),
			Deadline: now.Add(time.Minute),
		}
	}
	return requests
}

func idsOf(requests []ProvisioningRequest) []string {
	var ids []string
	for _, r := range requests {
		ids = append(ids, r.ID.ID)
	}
	return ids
}

func TestRequestWhoseLeaseHasEndedHasFailed(t *testing.T) {
	for name, c := range map[string]struct {
		status RequestStatus
		ended  bool
		want   RequestStatus
	}{
		"at work":                 {RequestRunning, false, RequestRunning},
		"waiting":                 {RequestPending, false, RequestPending},
		"killed":                  {RequestRunning, true, RequestFailed},
		"killed before it began":  {RequestPending, true, RequestFailed},
		"over, as its process is": {RequestCompleted, true, RequestCompleted},
		"failed by itself":        {RequestFailed, true, RequestFailed},
		"cancelled":               {RequestCancelled, true, RequestCancelled},
	} {
		r := ProvisioningRequest{Status: c.status}.Concluded(c.ended)
		if r.Status != c.want {
			t.Errorf("%s: %s, want %s", name, r.Status, c.want)
		}
		if changed := c.status != c.want; changed != (r.Error != "") {
			t.Errorf("%s: the error is %q", name, r.Error)
		}
	}
}

func TestRetentionKeepsTheNewestAndWhatIsNotOver(t *testing.T) {
	now := time.Now()
	requests := history(now, RequestCompleted, RequestFailed, RequestCancelled, RequestRunning, RequestCompleted,
		RequestPending)
	for name, c := range map[string]struct {
		retention Retention
		gone      []string
	}{
		"the defaults keep all":       {Retention{}, nil},
		"as many as there are":        {Retention{Count: 6}, nil},
		"two":                         {Retention{Count: 2}, []string{"4", "2"}},
		"not older than half a day":   {Retention{Age: 12 * time.Hour}, nil},
		"not older than two hours":    {Retention{Age: 2 * time.Hour}, []string{"4"}},
		"younger than the youngest":   {Retention{Age: time.Nanosecond}, []string{"4", "2", "1"}},
		"both count: the number":      {Retention{Count: 1, Age: 3 * time.Hour}, []string{"4", "2", "1"}},
		"both count: the age as well": {Retention{Count: 5, Age: 90 * time.Minute}, []string{"4", "2"}},
	} {
		if gone := idsOf(c.retention.Expired(requests, now)); !slices.Equal(gone, c.gone) {
			t.Errorf("%s: %q are removed, want %q", name, gone, c.gone)
		}
	}
	old := history(now.Add(-DefaultRequestAge), RequestCompleted)
	if gone := (Retention{}).Expired(old, now.Add(time.Second)); len(gone) != 1 {
		t.Errorf("a request older than the default age is kept")
	}
}

func TestRequestsAreChosenNewestFirst(t *testing.T) {
	now := time.Now()
	requests := history(now, RequestCompleted, RequestFailed, RequestFailed, RequestCompleted)
	for i := range requests {
		requests[i].Template, requests[i].Instance = "t1/a", "web"
	}
	requests[1].Template, requests[3].Instance = "t2/a", "db"
	slices.Reverse(requests)
	SortRequests(requests)
	for name, c := range map[string]struct {
		filter RequestFilter
		want   []string
	}{
		"all":            {RequestFilter{}, []string{"0", "1", "2", "3"}},
		"the newest two": {RequestFilter{Limit: 2}, []string{"0", "1"}},
		"of a template":  {RequestFilter{Template: "t1/a"}, []string{"0", "2", "3"}},
		"of an instance": {RequestFilter{Instance: "db"}, []string{"3"}},
		"failed":         {RequestFilter{Status: RequestFailed}, []string{"1", "2"}},
		"the last failed": {RequestFilter{Template: "t1/a", Instance: "web", Status: RequestFailed, Limit: 1},
			[]string{"2"}},
		"of nobody": {RequestFilter{Instance: "nobody"}, nil},
	} {
		if got := idsOf(c.filter.Of(requests)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
