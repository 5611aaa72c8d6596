package guest

import (
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// cloud-init lets each top-level key of user-data hide that of vendor-data as a whole, so a
// template's runcmd or write_files would be lost as soon as an instance has its own. This file
// knows both and merges them: vendor-data has the template's content, and each key of user-data has
// the content of both. The layers are, from the bottom: the template's cloud-config, the host name
// and SSH keys of the instance, the fields of its customization, and its customization's user_data.
// If two layers have a key,
//
//   - lists are joined, the lower layer's elements first: runcmd, bootcmd, write_files, packages, users, …
//   - mappings are joined key by key, by the same rules;
//   - for anything else, such as a text or a number, the upper layer's value wins;
//   - a null counts as absent;
//   - a list or mapping on one side and something else on the other is an error.
//
// The keys in wholeKeys are taken from the upper layer as they are.

// wholeKeys are lists whose elements get their meaning from their position, or which select from
// what exists, see https://docs.cloud-init.io/en/22.4.2/topics/modules.html.
var wholeKeys = []string{
	"mount_default_fields", "output", "datasource_list", "ssh_genkeytypes",
	"cloud_init_modules", "cloud_config_modules", "cloud_final_modules",
}

// mergeKeys control how cloud-init itself merges user-data and vendor-data, against the rules here.
var mergeKeys = []string{"merge_how", "merge_type", "vendor_data", "vendor_data2"}

// layOver lays the entries of upper over those of lower, and returns a mapping of all. It changes
// neither.
func layOver(lower, upper *yaml.Node) (*yaml.Node, error) {
	all := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: slices.Clone(lower.Content)}
	for i := 0; i < len(upper.Content); i += 2 {
		key, value := upper.Content[i], upper.Content[i+1]
		at := indexOf(all, key.Value)
		if at < 0 {
			all.Content = append(all.Content, key, value)
			continue
		}
		joined, err := join(key.Value, all.Content[at], value)
		if err != nil {
			return nil, err
		}
		all.Content[at] = joined
	}
	return all, nil
}

// join merges two values of a key.
func join(key string, lower, upper *yaml.Node) (*yaml.Node, error) {
	switch {
	case isNull(upper):
		return lower, nil
	case isNull(lower) || slices.Contains(wholeKeys, key):
		return upper, nil
	case lower.Kind != upper.Kind:
		return nil, fmt.Errorf("%s is %s in one place and %s in another (the template's cloud-config, the "+
			"customization's attributes, or its user_data). They are merged, so write it in the same form", key,
			kindOf(lower), kindOf(upper))
	case lower.Kind == yaml.SequenceNode:
		return &yaml.Node{
			Kind: yaml.SequenceNode, Tag: lower.Tag, Content: slices.Concat(lower.Content, upper.Content),
		}, nil
	case lower.Kind == yaml.MappingNode:
		if err := errors.Join(checkKeys(lower), checkKeys(upper)); err != nil {
			return nil, err
		}
		return layOver(lower, upper)
	}
	return upper, nil
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	return "a single value"
}

// indexOf is the index of a key's value in a mapping's content, -1 if it lacks the key.
func indexOf(mapping *yaml.Node, key string) int {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Kind == yaml.ScalarNode && mapping.Content[i].Value == key {
			return i + 1
		}
	}
	return -1
}

// valueOf is the value of a key; nil if the mapping lacks it, or has null.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	if at := indexOf(mapping, key); at >= 0 && !isNull(mapping.Content[at]) {
		return mapping.Content[at]
	}
	return nil
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// Limits on what aliases may expand to. Real documents stay far below.
const (
	maxNodes = 1 << 18
	maxDepth = 1 << 9
)

// resolver copies nodes without anchors, aliases, merge keys and comments, so that a part of a
// document can go into another. Comments often end up at the wrong node when YAML is written again.
type resolver struct{ nodes int }

func (r *resolver) resolve(n *yaml.Node, depth int) (*yaml.Node, error) {
	if r.nodes++; r.nodes > maxNodes || depth > maxDepth {
		return nil, errors.New("user data is too large or too deep, with its aliases written out")
	}
	if n.Kind == yaml.AliasNode {
		return r.resolve(n.Alias, depth+1)
	}
	plain := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	var merged []*yaml.Node // what merge keys (https://yaml.org/type/merge.html) bring in
	for i := 0; i < len(n.Content); i++ {
		if n.Kind == yaml.MappingNode && i%2 == 0 && n.Content[i].ShortTag() == "!!merge" {
			i++
			source, err := r.resolve(n.Content[i], depth+1)
			if err != nil {
				return nil, err
			}
			if source.Kind != yaml.SequenceNode {
				source = &yaml.Node{Content: []*yaml.Node{source}}
			}
			merged = append(merged, source.Content...)
			continue
		}
		child, err := r.resolve(n.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		plain.Content = append(plain.Content, child)
	}
	for _, source := range merged {
		if source.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("user data: the merge key (<<) of the mapping in line %d brings in something "+
				"that is not a mapping", n.Line)
		}
		for i := 0; i < len(source.Content); i += 2 {
			if indexOf(plain, source.Content[i].Value) < 0 {
				plain.Content = append(plain.Content, source.Content[i], source.Content[i+1])
			}
		}
	}
	return plain, nil
}
