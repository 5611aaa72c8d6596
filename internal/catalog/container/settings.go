package container

import (
	"maps"
	"slices"
)

// Settings say how a container runs its image. A nil field sets nothing: the image decides, and then
// the default. An empty list is not nil: an empty Entrypoint clears the image's. Settings of a
// template may be templates over its parameters; Render renders them.
type Settings struct {
	// Init is what process 1 is: ProcessInit (the default) or SystemInit.
	Init *string `json:"init,omitempty"`
	// Entrypoint is the program and its first arguments, each a template.
	Entrypoint []string `json:"entrypoint,omitzero"`
	// Command follows the entrypoint, or is the program if there is none, each a template.
	Command []string `json:"command,omitzero"`
	// Env is the environment by names; values are templates.
	Env map[string]string `json:"env,omitzero"`
	// WorkingDir is an absolute path, a template.
	WorkingDir *string `json:"working_dir,omitempty"`
	// User is a user and perhaps a group, by names or numbers, such as "app" and "1000:1000"; a
	// template.
	User *string `json:"user,omitempty"`
	// Restart is RestartNo, RestartOnFailure (the default) or RestartAlways.
	Restart *string `json:"restart,omitempty"`
	// StopSignal is the name or the number of a signal, such as "SIGTERM" and "15".
	StopSignal *string `json:"stop_signal,omitempty"`
	// StopTimeoutSeconds is how long a stop waits before it kills, seconds.
	StopTimeoutSeconds *int64 `json:"stop_timeout_seconds,omitempty"`
	// Privileged containers have no user namespace: root in them is root on the host.
	Privileged *bool `json:"privileged,omitempty"`
	// HealthCheck shows whether the application is healthy.
	HealthCheck *HealthCheck `json:"health_check,omitempty"`
	// Tmpfs are directories in memory, by absolute paths.
	Tmpfs map[string]Tmpfs `json:"tmpfs,omitzero"`
}

// HealthCheck is a command that shows whether an application is healthy. A nil field sets nothing.
type HealthCheck struct {
	// Command begins with HealthCommand, for a program and its arguments, with HealthShell, for a line
	// for the shell, or is HealthNone alone, for no check. Its texts are templates.
	Command []string `json:"command,omitzero"`
	// IntervalSeconds is the time between two checks, seconds.
	IntervalSeconds *int64 `json:"interval_seconds,omitempty"`
	// TimeoutSeconds is how long a check may take, seconds.
	TimeoutSeconds *int64 `json:"timeout_seconds,omitempty"`
	// Retries is how many checks have to fail one after another.
	Retries *int64 `json:"retries,omitempty"`
	// StartPeriodSeconds is how long failures do not count after a start, seconds.
	StartPeriodSeconds *int64 `json:"start_period_seconds,omitempty"`
}

// Tmpfs is a directory in memory. A nil field sets nothing.
type Tmpfs struct {
	SizeMB *int64 `json:"size_mb,omitempty"` // MiB
}

// What process 1 of a container is.
const (
	// ProcessInit runs the application, without an init system of the image.
	ProcessInit = "process"
	// SystemInit runs the image's /sbin/init, and cloud-init configures it.
	SystemInit = "system"
)

// When an application that has ended is started again.
const (
	RestartNo        = "no"
	RestartOnFailure = "on-failure"
	RestartAlways    = "always"
)

// How the command of a health check begins.
const (
	HealthCommand = "CMD"       // a program and its arguments follow
	HealthShell   = "CMD-SHELL" // one line for /bin/sh -c follows
	HealthNone    = "NONE"      // nothing follows, and nothing is checked
)

// Defaults of what neither settings nor image say. Init is ProcessInit, and the signal SIGTERM.
const (
	DefaultRestart                  = RestartOnFailure
	DefaultStopTimeoutSeconds int64 = 10
	DefaultIntervalSeconds    int64 = 30
	DefaultTimeoutSeconds     int64 = 30
	DefaultRetries            int64 = 3
	DefaultStartPeriodSeconds int64 = 0
	DefaultTmpfsMB            int64 = 64
)

// Inits lists what process 1 may be.
func Inits() []string { return []string{ProcessInit, SystemInit} }

// Restarts lists when an application may be started again.
func Restarts() []string { return []string{RestartNo, RestartOnFailure, RestartAlways} }

// System reports whether process 1 is the image's own init. s may be nil.
func (s *Settings) System() bool {
	return s != nil && s.Init != nil && *s.Init == SystemInit
}

// Over lays the fields that s sets over base: Env and Tmpfs key by key, HealthCheck field by field.
// Both may be nil.
func (s *Settings) Over(base *Settings) *Settings {
	if s == nil {
		return base
	}
	if base == nil {
		return s
	}
	return &Settings{
		Init:               either(s.Init, base.Init),
		Entrypoint:         listOr(s.Entrypoint, base.Entrypoint),
		Command:            listOr(s.Command, base.Command),
		Env:                keysOver(s.Env, base.Env),
		WorkingDir:         either(s.WorkingDir, base.WorkingDir),
		User:               either(s.User, base.User),
		Restart:            either(s.Restart, base.Restart),
		StopSignal:         either(s.StopSignal, base.StopSignal),
		StopTimeoutSeconds: either(s.StopTimeoutSeconds, base.StopTimeoutSeconds),
		Privileged:         either(s.Privileged, base.Privileged),
		HealthCheck:        s.HealthCheck.over(base.HealthCheck),
		Tmpfs:              keysOver(s.Tmpfs, base.Tmpfs),
	}
}

func (h *HealthCheck) over(base *HealthCheck) *HealthCheck {
	if h == nil {
		return base
	}
	if base == nil {
		return h
	}
	return &HealthCheck{
		Command:            listOr(h.Command, base.Command),
		IntervalSeconds:    either(h.IntervalSeconds, base.IntervalSeconds),
		TimeoutSeconds:     either(h.TimeoutSeconds, base.TimeoutSeconds),
		Retries:            either(h.Retries, base.Retries),
		StartPeriodSeconds: either(h.StartPeriodSeconds, base.StartPeriodSeconds),
	}
}

// keysOver lays a map over another, key by key; nil is a map that says nothing.
func keysOver[T any](over, base map[string]T) map[string]T {
	merged := maps.Clone(base)
	if merged == nil {
		return maps.Clone(over)
	}
	maps.Copy(merged, over)
	return merged
}

func listOr(a, b []string) []string {
	if a != nil {
		return slices.Clone(a)
	}
	return slices.Clone(b)
}

func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}
