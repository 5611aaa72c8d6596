package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// State is how far a template or a version is meant to be used.
type State string

const (
	// Draft is for its owner and writers only.
	Draft State = "draft"
	// Active is for everybody who may use it.
	Active State = "active"
	// Deprecated is still usable; whoever uses it is told while planning.
	Deprecated State = "deprecated"
	// Archived gives no new instances; those that exist stay.
	Archived State = "archived"
)

// States lists the states in the order of a life.
func States() []string {
	return []string{string(Draft), string(Active), string(Deprecated), string(Archived)}
}

// Lifecycle is what a template and a version have in common: a state, and since when others can see it.
type Lifecycle struct {
	State State `json:"state,omitempty"` // "" is active
	// Deprecation tells whoever still uses it why not to, and what instead.
	Deprecation string `json:"deprecation_message,omitempty"`
	// PublishedAt is when it became active for the first time. It is kept from then on.
	PublishedAt *time.Time `json:"published_at,omitempty"`
}

// strictness orders the states by how few may make instances: all who may use it, all but with a warning, its writers
// only, nobody.
var strictness = []State{Active, Deprecated, Draft, Archived}

// Stricter is the state that counts where a template has one and its version another.
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

// Settle fills in what documents lack that are older than states.
func (l Lifecycle) Settle(created time.Time) Lifecycle {
	if l.State == "" {
		l.State = Active
		if l.PublishedAt == nil {
			l.PublishedAt = &created
		}
	}
	return l
}

// Publishes tells whether going to a state publishes what was not published yet: it is usable by others from then on.
func (l Lifecycle) Publishes(to State) bool {
	return l.PublishedAt == nil && (to.OrActive() == Active || to == Deprecated)
}

// To is the lifecycle in another state. When it was published first is kept for ever.
func (l Lifecycle) To(state State, deprecation string, now time.Time) Lifecycle {
	if l.Publishes(state) {
		l.PublishedAt = &now
	}
	l.State, l.Deprecation = state.OrActive(), deprecation
	return l
}

// ValidateLifecycle finds a message that nobody would ever see.
func ValidateLifecycle(state State, deprecation string) finding.List {
	var fs finding.List
	if deprecation != "" && (state.OrActive() == Active || state == Draft) {
		fs.Add(finding.At("deprecation_message"), "Unexpected deprecation message", fmt.Sprintf("The message is shown only "+
			"while the state is deprecated or archived, and it is %s: set state = \"deprecated\", or remove "+
			"the message.", state.OrActive()))
	}
	return fs
}

// Unpublishes tells whether a change of state takes back what others may use: a draft is its writers' only, and changes
// with its template. While there are instances, that is wrong; deprecating or archiving is meant.
func Unpublishes(from, to State) bool { return from.OrActive() != Draft && to == Draft }

// Use tells whether instances may be made of a version of the template: an error says why not. Everybody who asks may see
// both. The warning is the zero Finding where there is nothing to say.
func (t Template) Use(p Principal, v Version) (warning finding.Finding, err error) {
	if err := t.Need(p, Use); err != nil {
		return warning, err
	}
	state, by := t.counts(v)
	if state == Archived {
		return warning, finding.List{{Path: by.at, Summary: by.kind + " is archived", Detail: by.name + " is archived: " +
			"nothing new can be created from it, and existing instances stay as " +
			"they are." + by.message() + " Choose another " + by.choose + "."}}
	}
	return t.Warning(v), nil
}

// Warning tells whoever uses a version of the template that it will not stay, and why; the zero Finding where there is
// nothing to say.
func (t Template) Warning(v Version) finding.Finding {
	state, by := t.counts(v)
	if state == Deprecated || state == Archived && by.lifecycle.Deprecation != "" {
		return finding.Finding{Path: by.at, Summary: by.kind + " is " + string(state), Detail: by.name + " is " + string(state) + "." + by.message()}
	}
	return finding.Finding{}
}

// blamed is which of the two a state comes from.
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

// counts is the state that counts for a version of the template: the stricter of the two, the template's where both are
// the same.
func (t Template) counts(v Version) (State, blamed) {
	state := Stricter(t.State, v.State)
	if t.State.OrActive() == state {
		return state, blamed{finding.At("template_id"), "Template", fmt.Sprintf("Template %q", t.ID), "template", t.Lifecycle}
	}
	return state, blamed{finding.At("version"), "Version", fmt.Sprintf("Version %q", v.ID), "version", v.Lifecycle}
}
