// Package sourcetest is the contract of source.Source as a suite of tests, which every kind of
// source runs: what Run tests opens its image, what RunCaptured tests is copied by its host.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// Site is a place where a kind of source finds images. Each test has its own.
type Site struct {
	Kind source.Kind
	// Settings are what a user writes for the place, without a checksum. No message may contain
	// Secret, which is a part of them; "" if nothing is secret.
	Settings source.Settings
	Secret   string
	// Bind gives a source what it needs beside its settings; nil if it needs nothing.
	Bind func(source.Source) source.Source
	// Put gives the place that content, and no other.
	Put func(t *testing.T, content []byte)
	// Faults are what can go wrong at the place, by the names in this package.
	Faults map[string]Fault
}

// Names of faults. A site has each of them, or says why it cannot happen there.
const (
	Gone    = "gone"
	Denied  = "permission denied"
	Changed = "changed while it is read"
	CutOff  = "cut off while it is read"
	InUse   = "in use" // of what is captured
)

// Fault is something that goes wrong at a place.
type Fault struct {
	// Never says why it cannot happen; the other fields are then empty.
	Never string
	// Prepare is called before the image is opened, if a fault during the reading needs preparation.
	Prepare func(t *testing.T)
	// Happen causes the fault: before the image is opened, or once its first bytes were taken.
	Happen func(t *testing.T)
	// Is is the cause of the error that reports the fault; nil for any cause.
	Is error
	// Says is a part of its message.
	Says string
}

// source creates the site's source, with that checksum; "" for none.
func (s Site) source(checksum string) source.Source {
	settings := maps.Clone(s.Settings)
	if checksum != "" {
		settings["checksum"] = checksum
	}
	made := s.Kind.New(settings)
	if s.Bind != nil {
		made = s.Bind(made)
	}
	return made
}

// fault returns a fault of the site that can happen. The test ends if it cannot.
func (s Site) fault(t *testing.T, name string) (f Fault, can bool) {
	t.Helper()
	f, there := s.Faults[name]
	if !there || (f.Happen == nil) == (f.Never == "") {
		t.Fatalf("the site does not say what happens if an image is %s", name)
	}
	return f, f.Never == ""
}

// wantFault checks that an error says what went wrong, and blames the source.
func (s Site) wantFault(t *testing.T, f Fault, err error) {
	t.Helper()
	s.wantError(t, err, s.Kind.Attribute)
	if f.Is != nil && !errors.Is(err, f.Is) {
		t.Errorf("got %v, want %v", err, f.Is)
	}
	if err != nil && !strings.Contains(err.Error(), f.Says) {
		t.Errorf("%v does not say %q", err, f.Says)
	}
}

// wantError checks that there is an error that blames an attribute and contains no secret.
func (s Site) wantError(t *testing.T, err error, attribute string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	imagetest.WantBlamed(t, err, attribute)
	s.wantNoSecret(t, err.Error())
}

func (s Site) wantNoSecret(t *testing.T, text string) {
	t.Helper()
	if s.Secret != "" && strings.Contains(text, s.Secret) {
		t.Errorf("a secret is told: %s", text)
	}
}

// described is what holds for every source.
func described(t *testing.T, s Site) {
	disk := imagetest.RawDisk(4096)
	one := s.source("")
	if err := one.Validate(); err != nil {
		t.Fatal(err)
	}
	if one.Attribute() != s.Kind.Attribute {
		t.Errorf("it is said by %q, and blames %q", s.Kind.Attribute, one.Attribute())
	}
	if one.String() == "" {
		t.Error("it has no name")
	}
	s.wantNoSecret(t, fmt.Sprint(one))
	if !one.Same(s.source("")) || one.Same(other{}) {
		t.Errorf("it is the same as itself: %t, and as something else: %t", one.Same(s.source("")), one.Same(other{}))
	}
	if one.Expected() != (image.Checksum{}) {
		t.Errorf("it expects %s", one.Expected())
	}
	checked := s.source(imagetest.SHA256(disk))
	if one.Same(checked) || checked.Same(one) {
		t.Error("it is the same without its checksum")
	}
}

// other is a source of no kind.
type other struct{}

func (other) String() string           { return "other" }
func (other) Attribute() string        { return "other" }
func (other) Validate() error          { return nil }
func (other) Same(source.Source) bool  { return false }
func (other) Expected() image.Checksum { return image.Checksum{} }
func (other) Open(context.Context) (*transfer.Image, error) {
	return nil, errors.ErrUnsupported
}

// run runs tests, each at its own site, in an order that does not change.
func run(t *testing.T, open func(t *testing.T) Site, tests map[string]func(*testing.T, Site)) {
	names := make([]string, 0, len(tests))
	for name := range tests {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tests[name](t, open(t))
		})
	}
}
