package attribute

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Descriptions list every strategy, and the default first.
func TestEveryStrategyIsListed(t *testing.T) {
	first := "`" + string(strategy.Default().Name()) + "`"
	for _, list := range []string{Strategies(), StrategyNames()} {
		if !strings.HasPrefix(list, first) {
			t.Errorf("%q does not start with the default %s", list, first)
		}
		for _, s := range strategy.All() {
			if n := strings.Count(list, "`"+string(s.Name())+"`"); n != 1 {
				t.Errorf("%q lists %q %d times", list, s.Name(), n)
			}
		}
	}
	for _, s := range strategy.All() {
		if !strings.Contains(Strategies(), "("+s.Summary()+")") {
			t.Errorf("%q lacks the summary %q", Strategies(), s.Summary())
		}
	}
}

func TestAlternativesAreJoined(t *testing.T) {
	for want, texts := range map[string][]string{"a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := alternatives(texts); got != want {
			t.Errorf("alternatives(%q) is %q, want %q", texts, got, want)
		}
	}
}
