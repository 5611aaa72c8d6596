package finding

import (
	"fmt"
	"strings"
)

// AndOthers lists names for a message, and says how many more belong to other tenants: it counts
// those, and never names them.
func AndOthers(names []string, others int) string {
	text := strings.Join(names, ", ")
	switch {
	case others == 0:
		return text
	case text == "":
		return fmt.Sprintf("%d of other tenants", others)
	}
	return fmt.Sprintf("%s, and %d of other tenants", text, others)
}
