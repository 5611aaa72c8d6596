package catalog

import (
	"slices"
	"strings"
	"testing"
)

func TestWhatCannotBeResumed(t *testing.T) {
	made := Engine{Hypervisor: "7.2.22", CPU: "ab"}
	ready := Snapshot{State: SnapshotReady, Engine: made}
	with := func(change func(*Snapshot)) Snapshot {
		s := ready
		change(&s)
		return s
	}
	failed := with(func(s *Snapshot) { s.State, s.Error = SnapshotFailed, "no agent answers" })
	for says, c := range map[string]struct {
		s   Snapshot
		now Engine
	}{
		"":                     {ready, made},
		"another process":      {with(func(s *Snapshot) { s.State = SnapshotMaking }), made},
		"no agent answers":     {failed, made},
		"is being removed":     {with(func(s *Snapshot) { s.State = SnapshotRemoving }), made},
		"the host has QEMU 8":  {ready, Engine{"8.2.0", made.CPU}},
		"on another processor": {ready, Engine{made.Hypervisor, "cd"}},
		"3 guests in a row":    {with(func(s *Snapshot) { s.Failures = MaxFailures }), made},
	} {
		why := c.s.Unusable(c.now)
		if (why == "") != (says == "") || !strings.Contains(why, says) {
			t.Errorf("got %q, want %q", why, says)
		}
	}
	for name, s := range map[string]Snapshot{
		"fewer failures":  with(func(s *Snapshot) { s.Failures = MaxFailures - 1 }),
		"unknown engines": with(func(s *Snapshot) { s.Engine = Engine{} }),
	} {
		if why := s.Unusable(made); why != "" {
			t.Errorf("with %s, it cannot be used: %s", name, why)
		}
	}
	if why := ready.Unusable(Engine{}); why != "" {
		t.Errorf("on a host of which nothing is known, it cannot be used: %s", why)
	}
}

func TestWhoAsksForASnapshot(t *testing.T) {
	w := Warm{SealCommands: []string{"sync"}}
	otherwise := w
	otherwise.ResumeCommands = []string{"ls"}
	s := Snapshot{Digest: "sha256:aa", Shape: Shape{Host: "h", MemoryMiB: 64}}
	key := SnapshotKey(s.Digest, s.Shape, w)
	for name, c := range map[string]struct {
		v    Version
		asks bool
	}{
		"one that asks for it":         {Version{Digest: s.Digest, Warm: &w}, true},
		"one that resumes otherwise":   {Version{Digest: s.Digest, Warm: &otherwise}, true},
		"one that is being made":       {Version{Claim: &Claim{}}, true},
		"one that asks for none":       {Version{Digest: s.Digest}, false},
		"one of another image":         {Version{Digest: "sha256:bb", Warm: &w}, false},
		"one that is sealed otherwise": {Version{Digest: s.Digest, Warm: &Warm{SettleSeconds: 1}}, false},
	} {
		if s.AskedBy(c.v, key) != c.asks {
			t.Errorf("%s asks for it: %t", name, !c.asks)
		}
	}
	if SnapshotKey(s.Digest, s.Shape, Warm{}) != SnapshotKey(s.Digest, s.Shape, Warm{SealCommands: []string{}}) {
		t.Error("no commands, as documents do not have them, are another key than an empty list")
	}
}

func TestWhatIsRetiredIsRemembered(t *testing.T) {
	s := Snapshot{State: SnapshotReady, Runner: "r", Stem: "new", Retired: []string{"old"}}
	before := s
	s.Retire(SnapshotFailed)
	s.Retire(SnapshotRemoving) // it has no stem any more
	if want := []string{"old", "new"}; s.State != SnapshotRemoving || s.Stem+s.Runner != "" ||
		!slices.Equal(s.Retired, want) || !slices.Equal(s.Stems(), want) || !slices.Equal(before.Stems(), want) {
		t.Errorf("retired, %+v is %+v", before, s)
	}
	if !slices.Equal(before.Retired, []string{"old"}) {
		t.Errorf("a copy of it has changed: %+v", before)
	}
}
