package imagestore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// disturbances are the ways in which a request fails.
var disturbances = map[string]func(cancel context.CancelFunc) fakehost.Fault{
	"refused":     func(context.CancelFunc) fakehost.Fault { return fakehost.Fault{Before: errors.New("no")} },
	"unreachable": func(context.CancelFunc) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} },
	"lost answer": func(context.CancelFunc) fakehost.Fault { return fakehost.Fault{After: host.ErrNoAnswer} },
	"cancelled": func(cancel context.CancelFunc) fakehost.Fault {
		cancel()
		return fakehost.Fault{Before: context.Canceled}
	},
	"cancelled, carried out": func(cancel context.CancelFunc) fakehost.Fault {
		cancel()
		return fakehost.Fault{}
	},
}

// eachRequest repeats an operation, with another of its requests failing each time, in each way. It
// then calls after, and cleans up.
func eachRequest(
	t *testing.T, before func(t *testing.T, s *snapshotSite),
	do func(ctx context.Context, s *snapshotSite) (catalog.Snapshot, error),
	after func(t *testing.T, s *snapshotSite, made catalog.Snapshot, err error),
) {
	ways := slices.Sorted(maps.Keys(disturbances))
	if testing.Short() {
		ways = []string{"lost answer"}
	}
	for _, how := range ways {
		synctest.Test(t, func(t *testing.T) { // time is simulated
			s := newSnapshotSite(t)
			for n := 1; ; n++ {
				if n > 500 {
					t.Fatal("it makes more than 500 requests")
				}
				before(t, s)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				met, method, first := false, "", s.Calls()
				s.Inject = func(c fakehost.Call) fakehost.Fault {
					if c.N != first+n {
						return fakehost.Fault{}
					}
					met, method = true, c.Method+" "+c.Object
					return disturbances[how](cancel)
				}
				made, err := do(ctx, s)
				s.Inject = nil
				cancel()
				synctest.Wait()
				after(t, s, made, err)
				s.clean(t)
				if t.Failed() {
					t.Fatalf("request %d, %s, was %s: %v", n, method, how, err)
				}
				if !met {
					if err != nil {
						t.Errorf("undisturbed: %v", err)
					}
					return
				}
			}
		})
	}
}

// again makes the snapshot again without a fault, after one that may have failed.
func (s *snapshotSite) again(t *testing.T, made catalog.Snapshot, err error, disks ...string) {
	t.Helper()
	if err == nil {
		s.ready(t, made, nil, disks...)
	}
	r := s.request
	r.Remake = true
	began := time.Now()
	made, err = s.make(t.Context(), r)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("the next process waited for %s", took)
	}
	s.ready(t, made, err, disks...)
}

func TestFaultsWhileASnapshotIsMade(t *testing.T) {
	eachRequest(t, func(*testing.T, *snapshotSite) {},
		func(ctx context.Context, s *snapshotSite) (catalog.Snapshot, error) { return s.make(ctx, s.request) },
		func(t *testing.T, s *snapshotSite, made catalog.Snapshot, err error) {
			found, there := s.document(t)
			if err != nil {
				s.expect(t)
				if there && (found.State != catalog.SnapshotFailed || found.Error == "" || len(found.Stems()) > 0 ||
					errors.Is(err, context.Canceled)) {
					t.Errorf("after %v, its document is %+v", err, found)
				}
			}
			s.again(t, made, err)
		})
}

func TestFaultsWhileADeadMakerIsTakenOver(t *testing.T) {
	eachRequest(t,
		func(t *testing.T, s *snapshotSite) {
			dead := catalog.Snapshot{
				State: catalog.SnapshotMaking, Runner: leasetest.Dead(t), Digest: digestA, Stem: naming.NewWarmStem(),
				Versions: []string{s.request.Version.String()},
			}
			if err := (foundation{s.Store}).Adopt(t.Context(), digestA, naming.WarmDisk(dead.Stem)); err != nil {
				t.Fatal(err)
			}
			must.Get[catalog.Record[catalog.Snapshot]](t)(
				s.documents.Snapshots().Create(t.Context(), s.request.Key(), dead))
			s.Inject = func(c fakehost.Call) (f fakehost.Fault) {
				if c.Method == "UndefineDomain" {
					f.Before = errors.New("killed")
				}
				return f
			}
			if _, err := s.boot(t.Context(), dead); err == nil || len(s.parts(t)) != 3 {
				t.Fatalf("the dead process has left %q, %v", s.parts(t), err)
			}
			s.Inject = nil
		},
		func(ctx context.Context, s *snapshotSite) (catalog.Snapshot, error) { return s.make(ctx, s.request) },
		func(t *testing.T, s *snapshotSite, made catalog.Snapshot, err error) {
			if err == nil { // what could not be removed at once is removed by the next look at the pool
				if err := s.Warm().Collect(t.Context()); err != nil {
					t.Error(err)
				}
			}
			s.again(t, made, err)
		})
}

func TestFaultsWhileASnapshotWithClonesIsMadeAgain(t *testing.T) {
	old := ""
	eachRequest(t,
		func(t *testing.T, s *snapshotSite) {
			made := must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
			must.Get[host.Volume](t)(s.overlay(t.Context(), cloneVolume, "/novacron/"+naming.WarmDisk(made.Stem)))
			old = made.Stem
		},
		func(ctx context.Context, s *snapshotSite) (catalog.Snapshot, error) {
			r := s.request
			r.Engine.Hypervisor, r.Remake = "8.2", true
			return s.make(ctx, r)
		},
		func(t *testing.T, s *snapshotSite, made catalog.Snapshot, err error) {
			if !slices.Contains(s.parts(t), naming.WarmDisk(old)) {
				t.Error("the disk under a clone is gone")
			}
			found, _ := s.document(t)
			if found.State == catalog.SnapshotReady && found.Stem == old { // it did not come to it
				return
			}
			if err == nil {
				if err := s.Warm().Collect(t.Context()); err != nil {
					t.Error(err)
				}
			}
			s.again(t, made, err, naming.WarmDisk(old))
		})
}

func TestFaultsWhileASnapshotIsReleased(t *testing.T) {
	for _, cloned := range []bool{false, true} {
		disk := ""
		eachRequest(t,
			func(t *testing.T, s *snapshotSite) {
				made := must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
				disk = naming.WarmDisk(made.Stem)
				if cloned {
					must.Get[host.Volume](t)(s.overlay(t.Context(), cloneVolume, "/novacron/"+disk))
				}
			},
			func(ctx context.Context, s *snapshotSite) (catalog.Snapshot, error) {
				return catalog.Snapshot{}, storeIn(s.Host, "novacron", Options{}).Warm().Release(ctx, s.request.Version)
			},
			func(t *testing.T, s *snapshotSite, _ catalog.Snapshot, err error) {
				there := slices.Contains(s.parts(t), disk)
				if cloned && !there || !cloned && there && err == nil {
					t.Errorf("after %v, the disk is there: %t", err, there)
				}
			})
	}
}

func TestFaultsWhileSnapshotsAreCollected(t *testing.T) {
	eachRequest(t,
		func(t *testing.T, s *snapshotSite) {
			made := must.Get[catalog.Snapshot](t)(s.make(t.Context(), s.request))
			must.Get[host.Volume](t)(s.overlay(t.Context(), cloneVolume, "/novacron/"+naming.WarmDisk(made.Stem)))
			if err := s.Warm().Release(t.Context(), s.request.Version); err != nil {
				t.Fatal(err)
			}
			if err := s.DeleteVolume(t.Context(), "novacron", cloneVolume); err != nil {
				t.Fatal(err)
			}
		},
		func(ctx context.Context, s *snapshotSite) (catalog.Snapshot, error) {
			return catalog.Snapshot{}, storeIn(s.Host, "novacron", Options{}).Warm().Collect(ctx)
		},
		func(t *testing.T, s *snapshotSite, _ catalog.Snapshot, err error) {
			if err == nil {
				s.expect(t)
			}
		})
}
