package guest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

// encodeCloudConfig writes a mapping as a cloud-config. It reads the result again and compares it,
// because YAML emitters have had bugs that silently change a value. The error names a line of the
// input, and quotes nothing.
func encodeCloudConfig(config *yaml.Node) ([]byte, error) {
	written, err := encodeYAML(&yaml.Node{
		Kind:        yaml.DocumentNode,
		HeadComment: cloudinit.CloudConfigHeader,
		Content:     []*yaml.Node{quoted(config)},
	})
	if err != nil {
		return nil, err
	}
	read, err := parseCloudConfig(string(written))
	if err != nil {
		return nil, fmt.Errorf("user data: %w: %w", errChanged, err)
	}
	if different := firstDifference(config, read); different != nil {
		return nil, fmt.Errorf("user data: line %d: %w: write the value in double quotes", different.Line, errChanged)
	}
	return written, nil
}

// errChanged says that the written YAML has another meaning than the input.
var errChanged = errors.New("the YAML that is written for the guest reads differently")

func encodeYAML(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return out.Bytes(), nil
}

// quoted returns a copy of a node in which a scalar is plain or in double quotes. A plain one has
// to stay plain: whether no is a text depends on the reader. All others are texts, and double
// quotes are the one style that can write every text on one line. Blocks cannot: the emitter adds
// an empty line between the indented lines of a folded one. Within brackets and braces the emitter
// quotes a plain 1:30, which PyYAML takes for a number, so lists and mappings are written without
// them. A null that is left out is written out.
func quoted(n *yaml.Node) *yaml.Node {
	plain := *n
	const styles = yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if n.Kind == yaml.ScalarNode && (n.Style&styles != 0 || strings.ContainsAny(n.Value, "\n\r\u0085\u2028\u2029")) {
		plain.Style = n.Style&^styles | yaml.DoubleQuotedStyle
	}
	plain.Style &^= yaml.FlowStyle
	if isNull(n) && n.Value == "" {
		plain.Value = "null"
	}
	plain.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		plain.Content[i] = quoted(child)
	}
	return &plain
}

// firstDifference is the first node of want that got does not have in the same place; nil if both
// mean the same.
func firstDifference(want, got *yaml.Node) *yaml.Node {
	if want.Kind != got.Kind || want.ShortTag() != got.ShortTag() || want.Value != got.Value && !isNull(want) ||
		len(want.Content) != len(got.Content) {
		return want
	}
	if want.Kind == yaml.ScalarNode && isPlain(want) != isPlain(got) && ambiguous.MatchString(want.Value) &&
		want.Style&yaml.TaggedStyle == 0 {
		return want
	}
	for i, child := range want.Content {
		if different := firstDifference(child, got.Content[i]); different != nil {
			return different
		}
	}
	return nil
}

// ambiguous matches texts that, without quotes, some YAML reader takes for something else, see
// https://yaml.org/type/.
var ambiguous = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|=|<<|[-+.]?[0-9][-+.:_0-9a-z ]*)$`)

// isPlain reports whether a scalar is written without quotes and indicators, so that its reader
// determines its type.
func isPlain(n *yaml.Node) bool {
	return n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 &&
		!strings.ContainsAny(n.Value, "\n\r\u0085\u2028\u2029")
}
