package attribute

import (
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Strategies lists the strategies with their summaries for a description, the default first:
// "`linked_clone` (instant, shares the image) or `clone` (a full copy)".
func Strategies() string {
	return listStrategies(func(s strategy.Strategy) string { return quoted(s) + " (" + s.Summary() + ")" })
}

// StrategyNames lists the strategies for a description, the default first: "`linked_clone` or
// `clone`".
func StrategyNames() string {
	return listStrategies(quoted)
}

func quoted(s strategy.Strategy) string { return "`" + string(s.Name()) + "`" }

func listStrategies(show func(strategy.Strategy) string) string {
	shown := []string{show(strategy.Default())}
	for _, s := range strategy.All() {
		if s.Name() != strategy.Default().Name() {
			shown = append(shown, show(s))
		}
	}
	return alternatives(shown)
}

// alternatives joins one or more texts: "a", "a or b", "a, b or c".
func alternatives(texts []string) string {
	last := len(texts) - 1
	if last == 0 {
		return texts[0]
	}
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}
