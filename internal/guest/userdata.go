package guest

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

const disableRootField = "disable_root"

// identity is the part of the user data that comes from the seed's other fields.
type identity struct {
	Hostname text `yaml:"hostname"`
	// An image may have it true; then cloud-init would silently ignore the host name.
	PreserveHostname bool `yaml:"preserve_hostname"`
	// cloud-init gives the keys to the default user and to root, but for root it puts a command
	// before each key that refuses the login, unless this is false (cc_ssh, apply_credentials). It
	// is set only if there are keys.
	DisableRoot       *bool  `yaml:"disable_root,omitempty"`
	SSHAuthorizedKeys []text `yaml:"ssh_authorized_keys,omitempty"`
}

// renderUserData writes the instance's own cloud-config, merged with its template's; see merge.go
// for the rules. id is the instance's name in the guest's report.
func renderUserData(hostname string, keys []string, template *yaml.Node, c *Customization, id string) ([]byte, error) {
	config, err := c.cloudConfig(template, id)
	if err != nil {
		return nil, err
	}
	if config, err = withIdentity(config, template, hostname, keys); err != nil {
		return nil, err
	}
	for i := 0; i < len(config.Content); i += 2 {
		key, value := config.Content[i].Value, config.Content[i+1]
		if theirs := valueOf(template, key); theirs != nil {
			if config.Content[i+1], err = join(key, theirs, value); err != nil {
				return nil, err
			}
		}
	}
	scriptFirst(config)
	return encodeCloudConfig(config)
}

// parseTemplate reads a template's cloud-config.
func parseTemplate(config string) (*yaml.Node, error) {
	parsed, err := parseCloudConfig(config)
	if err != nil {
		return nil, fmt.Errorf("the template's cloud-config: %w", err)
	}
	return parsed, nil
}

// parseCloudConfig returns the mapping in a cloud-config, without comments and with aliases
// expanded. Text "" gives an empty mapping.
func parseCloudConfig(config string) (*yaml.Node, error) {
	empty := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if config == "" {
		return empty, nil
	}
	body, ok := cloudinit.CloudConfigBody(config)
	if !ok {
		return nil, errors.New("user data must be a cloud-config. " +
			strings.TrimSuffix(cloudinit.NotCloudConfig(config), "."))
	}
	// An empty line replaces the header, so that line numbers in errors stay correct.
	decoder := yaml.NewDecoder(strings.NewReader("\n" + body))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return empty, nil
	case err != nil:
		return nil, fmt.Errorf("user data is not valid YAML: %s", withoutContent(err))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("user data holds more than one YAML document, or text after its end; " +
			"cloud-init takes one")
	}
	root := document.Content[0]
	if isNull(root) {
		return empty, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("user data must be a YAML mapping, such as \"packages: [nginx]\"")
	}
	root, err := new(resolver).resolve(root, 0)
	if err != nil {
		return nil, err
	}
	if err := checkKeys(root); err != nil {
		return nil, err
	}
	if err := checkMergeKeys(root); err != nil {
		return nil, err
	}
	return root, checkForPyYAML(root)
}

// checkForPyYAML refuses what this reader accepts and cloud-init does not. That is a plain = or <<,
// for which PyYAML has no value, and commands that are neither a text nor a list, most of which are
// texts with a colon that YAML reads as a mapping.
func checkForPyYAML(root *yaml.Node) error {
	if odd := findPlain(root, "=", "<<"); odd != nil {
		return fmt.Errorf("user data: line %d: cloud-init cannot read %s by itself without "+
			"quotes: write \"%s\"", odd.Line, odd.Value, odd.Value)
	}
	for _, key := range []string{"runcmd", "bootcmd"} {
		commands := valueOf(root, key)
		if commands == nil || commands.Kind != yaml.SequenceNode {
			continue
		}
		for _, command := range commands.Content {
			if command.Kind == yaml.MappingNode {
				return fmt.Errorf("user data: line %d: YAML reads the command of %s as a mapping, because it "+
					"contains a colon and a space, and cloud-init accepts only texts and lists: put the "+
					"command in quotes", command.Line, key)
			}
		}
	}
	return nil
}

// findPlain is the first scalar, other than one with a tag, that has no quotes and is one of the
// texts; nil for none.
func findPlain(n *yaml.Node, texts ...string) *yaml.Node {
	if n.Kind == yaml.ScalarNode && isPlain(n) && n.Style&yaml.TaggedStyle == 0 && slices.Contains(texts, n.Value) {
		return n
	}
	for _, child := range n.Content {
		if found := findPlain(child, texts...); found != nil {
			return found
		}
	}
	return nil
}

// checkMergeKeys refuses keys that would defeat the way user data is merged here.
func checkMergeKeys(root *yaml.Node) error {
	for _, key := range mergeKeys {
		if indexOf(root, key) >= 0 {
			return fmt.Errorf("user data: %s would change how cloud-init merges a template's and an instance's "+
				"cloud-config, which is fixed; leave it out", key)
		}
	}
	return nil
}

var yamlPlace = regexp.MustCompile(`^yaml: line \d+: `)

// withoutContent is the message of a YAML syntax error, without parts of the user data that it may
// quote and that may be secret. Errors that carry a line come from the scanner and parser, whose
// texts are fixed; any other may name an anchor, and an unquoted secret that begins with * reads as
// one.
func withoutContent(err error) string {
	if message := err.Error(); yamlPlace.MatchString(message) {
		return strings.TrimPrefix(message, "yaml: ")
	}
	return "it contains a character that YAML does not allow, or a value that begins with * or & and is not in quotes"
}

// checkKeys refuses duplicate keys, of which cloud-init would silently drop one. It names lines
// only: a badly quoted secret may have become a key.
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

// withIdentity lays a config over the identity's fields: the config's own values win, except that
// its authorized keys follow the identity's. The template decides whether root may log in at all.
func withIdentity(config, template *yaml.Node, hostname string, keys []string) (*yaml.Node, error) {
	who := identity{Hostname: text(hostname)}
	for _, key := range keys {
		who.SSHAuthorizedKeys = append(who.SSHAuthorizedKeys, text(key))
	}
	if len(keys) > 0 && valueOf(template, disableRootField) == nil {
		who.DisableRoot = new(bool)
	}
	var fields yaml.Node
	if err := fields.Encode(who); err != nil {
		return nil, fmt.Errorf("writing user data: %w", err)
	}
	return layOver(&fields, config)
}
