package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// State says how far a template or a version is meant to be used.
type State string

const (
	// Draft is for its owner and writers only.
	Draft State = "draft"
	// Active is for all who may use it.
	Active State = "active"
	// Deprecated is still usable; a plan warns its users.
	Deprecated State = "deprecated"
	// Archived allows no new instances; existing ones stay.
	Archived State = "archived"
)

// States lists the states in the order of a lifecycle.
func States() []string {
	return []string{string(Draft), string(Active), string(Deprecated), string(Archived)}
}

// Lifecycle is what a template and a version have in common: a state, and the time since when
// others can see it.
type Lifecycle struct {
	State State `json:"state,omitempty"` // "" is active
	// Deprecation tells those who still use it why not to, and what to use instead.
	Deprecation string `json:"deprecation_message,omitempty"`
	// PublishedAt is when it became active for the first time. It is kept from then on.
	PublishedAt *time.Time `json:"published_at,omitempty"`
}

// strictness orders the states by how few users may create instances: all who may use it, all of
// them but with a warning, its writers only, none.
var strictness = []State{Active, Deprecated, Draft, Archived}

// Stricter is the effective state of a template and a version with a state each.
func Stricter(a, b State) State {
	if slices.Index(strictness, b.OrActive()) > slices.Index(strictness, a.OrActive()) {
		return b.OrActive()
	}
	return a.OrActive()
}

// OrActive is the state with its default.
func (s State) OrActive() State {
	if s == "" {
		return Active
	}
	return s
}

// WithDefaults fills in what documents from before there were states lack.
func (l Lifecycle) WithDefaults(created time.Time) Lifecycle {
	if l.State == "" {
		l.State = Active
		if l.PublishedAt == nil {
			l.PublishedAt = &created
		}
	}
	return l
}

// Publishes reports whether going to a state publishes something that was not yet published: from
// then on others can use it.
func (l Lifecycle) Publishes(to State) bool {
	return l.PublishedAt == nil && (to.OrActive() == Active || to == Deprecated)
}

// To is the lifecycle in another state. The time of its first publication is kept for ever.
func (l Lifecycle) To(state State, deprecation string, now time.Time) Lifecycle {
	if l.Publishes(state) {
		l.PublishedAt = &now
	}
	l.State, l.Deprecation = state.OrActive(), deprecation
	return l
}

// ValidateLifecycle returns a finding for a message that would never be shown.
func ValidateLifecycle(state State, deprecation string) finding.List {
	var fs finding.List
	if deprecation != "" && (state.OrActive() == Active || state == Draft) {
		fs.Add(finding.At("deprecation_message"), "Unexpected deprecation message",
			fmt.Sprintf("The message is shown only "+
				"while the state is deprecated or archived, and it is %s: set state = \"deprecated\", or remove "+
				"the message.", state.OrActive()))
	}
	return fs
}

// Unpublishes reports whether a change of state takes back something that others may use: a draft
// belongs to its writers only, and changes with its template. While there are instances, that is
// wrong; the user should deprecate or archive instead.
func Unpublishes(from, to State) bool { return from.OrActive() != Draft && to == Draft }

// Use checks whether instances may be created from a version of the template: an error says why
// not. The caller makes sure that the user may see both. The warning is the zero Finding if there
// is nothing to warn about.
func (t Template) Use(p Principal, v Version) (warning finding.Finding, err error) {
	if err := t.Need(p, Use); err != nil {
		return warning, err
	}
	state, by := t.counts(v)
	if state == Archived {
		return warning, finding.List{{Path: by.at, Summary: by.kind + " is archived",
			Detail: by.name + " is archived: " +
				"nothing new can be created from it, and existing instances stay as " +
				"they are." + by.message() + " Choose another " + by.choose + "."}}
	}
	return t.Warning(v), nil
}

// Warning warns users of a version of the template that it will not stay, and says why; it is the
// zero Finding if there is nothing to warn about.
func (t Template) Warning(v Version) finding.Finding {
	state, by := t.counts(v)
	if state == Deprecated || state == Archived && by.lifecycle.Deprecation != "" {
		return finding.Finding{Path: by.at, Summary: by.kind + " is " + string(state), Detail: by.name + " is " +
			string(state) + "." + by.message()}
	}
	return finding.Finding{}
}

// blamed is the one of the two, template or version, that a state comes from.
type blamed struct {
	at                 finding.Path
	kind, name, choose string
	lifecycle          Lifecycle
}

func (b blamed) message() string {
	if b.lifecycle.Deprecation == "" {
		return ""
	}
	return " Its author says: " + b.lifecycle.Deprecation
}

// counts is the effective state for a version of the template: the stricter of the two, and the
// template's if both are equal.
func (t Template) counts(v Version) (State, blamed) {
	state := Stricter(t.State, v.State)
	if t.State.OrActive() == state {
		return state, blamed{
			finding.At("template_id"), "Template", fmt.Sprintf("Template %q", t.ID), "template", t.Lifecycle,
		}
	}
	return state, blamed{finding.At("version"), "Version", fmt.Sprintf("Version %q", v.ID), "version", v.Lifecycle}
}
