//go:build linux

package confine

import (
	"bytes"
	"fmt"
	"os"
)

// When memory is short, the kernel ends the process with the highest score (proc(5),
// /proc/pid/oom_score_adj). If that were nova-init, all of the container would end, and nothing
// would say why.
const (
	ownScore   = "/proc/self/oom_score_adj"
	lastToKill = "-999" // as container engines have it for theirs; with -1000, it would never be ended
)

// protect lowers nova-init's own score. The programs that it starts get the score from before.
func (l *Launcher) protect() error {
	score, err := os.ReadFile(ownScore)
	if err != nil {
		return fmt.Errorf("reading how the kernel chooses what to end: %w", err)
	}
	// It takes CAP_SYS_RESOURCE. Without it, nova-init is chosen as others are.
	if os.WriteFile(ownScore, []byte(lastToKill), 0) == nil {
		l.score = bytes.TrimSpace(score)
	}
	return nil
}

// expose gives a process the score that nova-init had. It must not have begun to run a program: a
// process may keep itself from being ended if the score was lower at any time since nova-init,
// which may set it, has set it.
func (l *Launcher) expose(process string) error {
	if l.score == nil {
		return nil
	}
	return os.WriteFile("/proc/"+process+"/oom_score_adj", l.score, 0)
}

// Expose gives nova-init itself the score that it had, before it executes another program.
func (l *Launcher) Expose() error { return l.expose("self") }
