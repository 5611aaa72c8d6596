package guest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// cloudConfigHeader is the first line by which cloud-init knows a cloud-config.
const cloudConfigHeader = "#cloud-config"

const authorizedKeysField = "ssh_authorized_keys"

// identity is the part of the user data that comes from the seed's other fields.
type identity struct {
	Hostname text `yaml:"hostname"`
	// An image may have it true; then the host name would be ignored without a word.
	PreserveHostname bool `yaml:"preserve_hostname"`
	// cloud-init gives the keys to the default user and to root, but for root it puts
	// a command before each that refuses the login, unless this is false (cc_ssh,
	// apply_credentials). Set only where there are keys.
	DisableRoot       *bool  `yaml:"disable_root,omitempty"`
	SSHAuthorizedKeys []text `yaml:"ssh_authorized_keys,omitempty"`
}

// renderUserData merges the identity into the instance's own cloud-config.
func renderUserData(hostname string, keys []string, own string) ([]byte, error) {
	config, err := parseCloudConfig(own)
	if err != nil {
		return nil, err
	}
	if err := setIdentity(config, hostname, keys); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err = encoder.Encode(&yaml.Node{
		Kind:        yaml.DocumentNode,
		HeadComment: cloudConfigHeader,
		Content:     []*yaml.Node{config},
	})
	if err != nil {
		return nil, fmt.Errorf("writing user data: %w", err)
	}
	return out.Bytes(), nil
}

// parseCloudConfig returns the mapping that a cloud-config holds, without its
// comments. Text "" gives an empty mapping.
func parseCloudConfig(config string) (*yaml.Node, error) {
	empty := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if config == "" {
		return empty, nil
	}
	// cloud-init skips blank space before the header and does not mind its case.
	config = strings.TrimLeft(config, " \t\r\n")
	header, body, _ := strings.Cut(config, "\n")
	if words := strings.Fields(header); len(words) == 0 || !strings.EqualFold(words[0], cloudConfigHeader) {
		return nil, errors.New("user data must be a cloud-config whose first line is #cloud-config; " +
			"for a script use its runcmd or write_files")
	}
	// An empty line stands in for the header: line numbers in errors stay true.
	decoder := yaml.NewDecoder(strings.NewReader("\n" + body))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return empty, nil
	case err != nil:
		return nil, fmt.Errorf("user data is not valid YAML: %s", withoutContent(err))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("user data holds more than one YAML document, or text after its end; cloud-init takes one")
	}
	root := document.Content[0]
	if isNull(root) {
		return empty, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("user data must be a YAML mapping, such as \"packages: [nginx]\"")
	}
	dropComments(root)
	return root, checkKeys(root)
}

var yamlPlace = regexp.MustCompile(`^yaml: line \d+: `)

// withoutContent is the message of a YAML syntax error, without what it may quote
// of the user data, where secrets are. Errors that carry a line come from the
// scanner and parser, whose texts are fixed; any other may name an anchor, and an
// unquoted secret that begins with * reads as one.
func withoutContent(err error) string {
	if message := err.Error(); yamlPlace.MatchString(message) {
		return strings.TrimPrefix(message, "yaml: ")
	}
	return "it contains a character that YAML does not allow, or a value that begins with * or & and is not in quotes"
}

// checkKeys refuses keys given twice, of which cloud-init would drop one without a
// word. It names lines only: a badly quoted secret may have become a key.
func checkKeys(mapping *yaml.Node) error {
	lines := map[string]int{}
	for i := 0; i < len(mapping.Content); i += 2 {
		key := mapping.Content[i]
		if key.Kind != yaml.ScalarNode {
			return fmt.Errorf("user data: the key in line %d is not a plain name", key.Line)
		}
		if first, twice := lines[key.Value]; twice {
			return fmt.Errorf("user data: line %d repeats the key of line %d; join the two", key.Line, first)
		}
		lines[key.Value] = key.Line
	}
	return nil
}

// setIdentity puts the identity's fields before the config's own. What the config
// says itself wins, except that its authorized keys follow the seed's.
func setIdentity(config *yaml.Node, hostname string, keys []string) error {
	who := identity{Hostname: text(hostname)}
	for _, key := range keys {
		who.SSHAuthorizedKeys = append(who.SSHAuthorizedKeys, text(key))
	}
	if len(keys) > 0 {
		who.DisableRoot = new(bool)
	}
	var fields yaml.Node
	if err := fields.Encode(who); err != nil {
		return fmt.Errorf("writing user data: %w", err)
	}
	var first []*yaml.Node
	for i := 0; i < len(fields.Content); i += 2 {
		name, value := fields.Content[i], fields.Content[i+1]
		given := valueOf(config, name.Value)
		switch {
		case given == nil:
			first = append(first, name, value)
		case isNull(given) && given.Anchor == "":
			*given = *value
		case name.Value == authorizedKeysField:
			if given.Kind != yaml.SequenceNode || given.Anchor != "" {
				return fmt.Errorf("user data: %s in line %d must be a list of keys, without an anchor or alias, to be joined with the instance's own keys", authorizedKeysField, given.Line)
			}
			given.Content = slices.Concat(value.Content, given.Content)
		}
	}
	config.Content = slices.Concat(first, config.Content)
	return nil
}

func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// dropComments makes what is written depend on the values alone: comments are
// often attached to the wrong node when YAML is written again.
func dropComments(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, child := range n.Content {
		dropComments(child)
	}
}
