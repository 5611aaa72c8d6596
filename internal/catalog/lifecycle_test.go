package catalog

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

var allStates = []State{"", Draft, Active, Deprecated, Archived}

func TestTheStricterStateCounts(t *testing.T) {
	for _, c := range []struct{ a, b, want State }{
		{"", "", Active}, {Active, Deprecated, Deprecated}, {Deprecated, Active, Deprecated},
		{Deprecated, Draft, Draft},
		{Draft, Active, Draft}, {Archived, Draft, Archived}, {Draft, Archived, Archived}, {"", Archived, Archived},
	} {
		if got := Stricter(c.a, c.b); got != c.want {
			t.Errorf("of %q and %q, %q counts", c.a, c.b, got)
		}
	}
	for _, a := range allStates {
		for _, b := range allStates {
			if got := Stricter(a, b); got != Stricter(b, a) || got != a.OrActive() && got != b.OrActive() ||
				Stricter(a, a) != a.OrActive() {
				t.Errorf("of %q and %q, %q counts", a, b, got)
			}
		}
	}
}

func TestPublishedOnceIsPublishedForEver(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	var l Lifecycle
	for d, c := range []struct {
		to   State
		want int // day of publication, 0 for not yet
	}{
		{Draft, 0}, {Archived, 0}, {Draft, 0}, {Active, 4}, {Deprecated, 4}, {Archived, 4}, {Active, 4}, {Draft, 4},
		{"", 4},
	} {
		before := l
		l = l.To(c.to, "", day(d+1))
		if c.want == 0 && l.PublishedAt != nil || c.want != 0 &&
			(l.PublishedAt == nil || !l.PublishedAt.Equal(day(c.want))) {
			t.Errorf("after %s on day %d, published %v", c.to, d+1, l.PublishedAt)
		}
		if published := before.PublishedAt == nil && l.PublishedAt != nil; published != before.Publishes(c.to) {
			t.Errorf("to %s on day %d publishes: %v", c.to, d+1, !published)
		}
		if l.State != c.to.OrActive() {
			t.Errorf("in state %q", l.State)
		}
	}
	if old := (Lifecycle{}).WithDefaults(day(7)); old.State != Active || !old.PublishedAt.Equal(day(7)) {
		t.Errorf("a document from before there were states is %+v", old)
	}
	if draft := (Lifecycle{State: Draft}).WithDefaults(day(7)); draft.PublishedAt != nil {
		t.Error("a draft was never published")
	}
}

func TestOnlyDraftsTakeBack(t *testing.T) {
	for _, from := range allStates {
		for _, to := range allStates {
			if got, want := Unpublishes(from, to), to == Draft && from != Draft; got != want {
				t.Errorf("from %q to %q: %v", from, to, got)
			}
		}
	}
}

func TestAMessageNeedsADeprecation(t *testing.T) {
	const found = "deprecation_message: Unexpected deprecation message"
	for state, want := range map[State][]string{
		"":         {found},
		Active:     {found},
		Draft:      {found},
		Deprecated: nil,
		Archived:   nil,
	} {
		findingtest.Expect(t, string(state), ValidateLifecycle(state, "use the other"), want...)
		findingtest.Expect(t, string(state), ValidateLifecycle(state, ""))
	}
}

func TestWhatMayBeUsed(t *testing.T) {
	version := func(state State, says string) Version {
		return Version{ID: shop.Version("1.0.0"), Lifecycle: Lifecycle{State: state, Deprecation: says}}
	}
	reader := of("bank", "tom")
	for name, c := range map[string]struct {
		template       Lifecycle
		version        Version
		who            Principal
		warns, refuses []string // path and texts
	}{
		"active": {version: version(Active, ""), who: of("shop", "ann")},
		"deprecated version": {
			version: version(Deprecated, "use 2.0"), who: of("shop", "ann"),
			warns: []string{"version", `Version "shop/web@1.0.0" is deprecated. Its author says: use 2.0`},
		},
		"without a reason": {
			version: version(Deprecated, ""), who: of("shop", "ann"),
			warns: []string{"version", `Version "shop/web@1.0.0" is deprecated.`},
		},
		"deprecated template": {
			template: Lifecycle{State: Deprecated, Deprecation: "gone in May"}, version: version(Active, ""),
			who: of("shop", "ann"), warns: []string{"template_id", "gone in May"},
		},
		"both": {
			template: Lifecycle{State: Deprecated, Deprecation: "gone in May"}, version: version(Deprecated, "use 2.0"),
			who: of("shop", "ann"), warns: []string{"template_id", "gone in May"},
		},
		"archived version": {template: Lifecycle{State: Deprecated}, version: version(Archived, "CVE"), who: of("shop",
			"ann"), refuses: []string{"version", "is archived", "Its author says: CVE", "Choose another version."}},
		"archived template": {
			template: Lifecycle{State: Archived}, version: version(Active, ""), who: of("shop", "ann"),
			refuses: []string{"template_id", `Template "shop/web" is archived`, "Choose another template."},
		},
		"archived draft": {
			template: Lifecycle{State: Archived}, version: version(Draft, ""), who: of("shop", "ann"),
			refuses: []string{"template_id", "is archived"},
		},
		"draft":    {version: version(Draft, ""), who: of("shop", "ann")},
		"no right": {version: version(Active, ""), who: reader, refuses: []string{"", "the right to use"}},
	} {
		template := owned(AccessControl{ReadTenants: []string{"bank"}})
		template.Lifecycle = c.template
		warning, err := template.Use(c.who, c.version)
		said(t, name, warning.Path, warning.Detail, c.warns)
		if (err != nil) != (c.refuses != nil) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if findings, ok := errors.AsType[finding.List](err); ok {
			said(t, name, findings[0].Path, findings[0].Detail, c.refuses)
		} else if err != nil && !strings.Contains(err.Error(), c.refuses[1]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func said(t *testing.T, name string, at finding.Path, text string, want []string) {
	t.Helper()
	if len(want) == 0 {
		if text != "" {
			t.Errorf("%s: says %s", name, text)
		}
		return
	}
	if at.String() != want[0] || slices.ContainsFunc(want[1:], func(w string) bool {
		return !strings.Contains(text, w)
	}) {
		t.Errorf("%s: at %s says %s", name, at, text)
	}
}

func TestWhoeverStillUsesWhatIsArchivedReadsWhy(t *testing.T) {
	template := owned(AccessControl{})
	if w := template.Warning(Version{Lifecycle: Lifecycle{State: Archived}}); w.Summary != "" {
		t.Errorf("there is nothing to say: %v", w)
	}
	if w := template.Warning(Version{
		ID: shop.Version("1.0.0"), Lifecycle: Lifecycle{State: Archived, Deprecation: "CVE"},
	}); !strings.Contains(w.Detail, "CVE") {
		t.Errorf("says %v", w)
	}
}
