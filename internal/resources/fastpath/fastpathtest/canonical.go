package fastpathtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// encode writes a value in a canonical form: its types, the order of lists and sets, and the bytes
// of each text, number and bool as in the protocol. The protocol itself allows several forms of one
// value. The fast path returns what Terraform sent, which may be the JSON of a state file, and the
// framework writes maps in any order.
func encode(v tftypes.Value) (string, error) {
	var text strings.Builder
	err := write(&text, v)
	return text.String(), err
}

func write(text *strings.Builder, v tftypes.Value) error {
	fmt.Fprint(text, v.Type())
	switch {
	case !v.IsKnown():
		text.WriteString("(unknown)")
		return nil
	case v.IsNull():
		text.WriteString("(null)")
		return nil
	}
	var named map[string]tftypes.Value
	var elements []tftypes.Value
	switch {
	case v.As(&named) == nil:
		for _, name := range slices.Sorted(maps.Keys(named)) {
			fmt.Fprintf(text, " %q=", name)
			if err := write(text, named[name]); err != nil {
				return err
			}
		}
	case v.As(&elements) == nil:
		for _, element := range elements {
			text.WriteString(" ")
			if err := write(text, element); err != nil {
				return err
			}
		}
	default:
		encoded, err := tfprotov6.NewDynamicValue(v.Type(), v)
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "(%q)", encoded.MsgPack)
	}
	text.WriteString(";")
	return nil
}
