package naming

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for rule, c := range map[string]struct {
		valid     func(string) error
		good, bad []string
	}{
		"template": {ValidateTemplateName, []string{"a", "0", "ubuntu-server-24.04", "a_b", "a.", long},
			[]string{"", "A", "-a", ".a", "_a", "a/b", "a@b", "a b", "ä", "a\n", long + "a"}},
		"tenant": {ValidateTenant, []string{"default", "t-1", "t_1", long},
			[]string{"", "a.b", "A", "-a", "a/b", "a@b", "a\n", long + "a"}},
		"instance": {ValidateInstanceName, []string{"web", "web-server-1", "1", long},
			[]string{"", "web.", "web.lan", "web_1", "-web", "web-", "Web", "web\n", long + "a"}},
		"device": {ValidateDeviceName, []string{"eth0", "system", "data_1", "a-b", long[:32]},
			[]string{"", "0eth", "Eth", "a.b", "a b", long[:33]}},
	} {
		for _, name := range c.good {
			if err := c.valid(name); err != nil {
				t.Errorf("%s %q: %v", rule, name, err)
			}
		}
		for _, name := range c.bad {
			if c.valid(name) == nil {
				t.Errorf("%s %q passes", rule, name)
			}
		}
	}
}
