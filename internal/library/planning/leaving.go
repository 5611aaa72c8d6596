package planning

import (
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// WillRemove records that the running plan destroys or replaces a version.
func (s *Session) WillRemove(id catalog.VersionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed == nil {
		s.removed = map[catalog.VersionID]bool{}
	}
	s.removed[id] = true
}

// WillLeave records that the running plan gives an instance another system disk, so that it leaves its
// version.
func (s *Session) WillLeave(uuid string) { s.leave(uuid, false) }

// WillGo records that the running plan removes an instance. So it leaves its version, and makes room on
// its host and in its quota.
func (s *Session) WillGo(uuid string) { s.leave(uuid, true) }

func (s *Session) leave(uuid string, goes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == nil {
		s.left = map[string]bool{}
	}
	s.left[uuid] = goes
	s.removals.note()
}

// HasLeft reports whether the running plan, as far as it has been made, takes an instance off its
// version.
func (s *Session) HasLeft(uuid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, leaves := s.left[uuid]
	return leaves
}

// Goes reports whether the running plan, as far as it has been made, removes an instance.
func (s *Session) Goes(uuid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left[uuid]
}

// StateHasInstance records that the running plan's state has an instance.
func (s *Session) StateHasInstance(uuid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instances == nil {
		s.instances = map[string]bool{}
	}
	s.instances[uuid] = true
	s.removals.note()
}

// InstanceInState reports whether the running plan's state has an instance, as far as the state was
// read or planned.
func (s *Session) InstanceInState(uuid string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, leaves := s.left[uuid]
	return s.instances[uuid] || leaves
}

// Removes reports whether the running plan destroys or replaces a version.
func (s *Session) Removes(id catalog.VersionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removed[id]
}

// StaysOn returns a finding if an instance that needs its version's image stays on a version that
// the running plan destroys or replaces. name is the instance's, "tenant/name".
func (s *Session) StaysOn(id catalog.VersionID, name string, with catalog.Strategy) error {
	if !strategy.HoldsBase(with) || !s.Removes(id) {
		return nil
	}
	return finding.List{{Path: finding.At("version"), Summary: "Version is removed under its instance",
		Detail: fmt.Sprintf(
			"Instance %q needs the image of version %q, which the plan destroys or replaces: the instance would lose "+
				"its disk. Keep the version, with a resource of its own for each release; or let the instance leave "+
				"it in the same plan, by version or by strategy = \"clone\".",
			name, id)}}
}
