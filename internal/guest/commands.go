package guest

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// checkCommands refuses commands that cloud-init does not run as they are written. cloud-init
// writes each list of commands as one script. In it, a text becomes a line, a list becomes the
// words of a line, and a null becomes nothing; anything else ends the module (cloudinit/util.py,
// shellify).
func checkCommands(root *yaml.Node) error {
	for _, key := range []string{"bootcmd", "runcmd"} {
		at := indexOf(root, key)
		if at < 0 {
			continue
		}
		commands := root.Content[at]
		switch {
		case isNull(commands):
			return fmt.Errorf("user data: line %d: %s has no value, which cloud-init reports as an error: "+
				"leave it out, or write an empty list, %s: []",
				commands.Line, key, key)
		case commands.Kind != yaml.SequenceNode:
			return fmt.Errorf("user data: line %d: %s is %s, and cloud-init accepts only a list of "+
				"commands: write each command on a line of its own, indented, after a hyphen and a space",
				commands.Line, key, kindOf(commands))
		}
		for _, command := range commands.Content {
			if err := checkCommand(key, command); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkCommand(key string, command *yaml.Node) error {
	switch {
	case isNull(command):
		return nil
	case command.Kind == yaml.ScalarNode && !isText(command):
		return fmt.Errorf("user data: line %d: YAML 1.1 reads the command of %s as true or false, a number, or "+
			"a time, and cloud-init accepts only texts and lists: put the command in quotes", command.Line, key)
	case command.Kind != yaml.SequenceNode:
		return nil
	}
	for _, word := range command.Content {
		if word.Kind != yaml.ScalarNode {
			return fmt.Errorf("user data: line %d: the command of %s is a list with %s in it, and its elements are "+
				"the words of the command: put them in quotes",
				word.Line, key, kindOf(word))
		}
		if !isText(word) && !sameWord.MatchString(word.Value) {
			return fmt.Errorf("user data: line %d: YAML 1.1 does not read a word of the command of %s as a text, and "+
				"cloud-init would change it, as yes into True and 0644 into 420: put the word in quotes", word.Line,
				key)
		}
	}
	return nil
}

// isText reports whether a scalar is a text to cloud-init, which reads YAML 1.1.
func isText(n *yaml.Node) bool {
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return n.ShortTag() == "!!str"
	case isPlain(n):
		return !isNull(n) && !typed.MatchString(n.Value)
	}
	return true
}

// typed matches the texts that PyYAML, without quotes, reads as true or false, a number or a time.
// It differs from https://yaml.org/type/ in that y and n are texts, and an exponent has a sign.
var typed = regexp.MustCompile(`^(?:` +
	`(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE)` +
	`|[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*(?::[0-5]?[0-9])*)` +
	`|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
	`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
	`|[-+]?\.(?:[Ii]nf|INF)|\.(?:nan|NaN|NAN)` +
	`|[0-9]{4}-[0-9]{2}-[0-9]{2}` +
	`|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}` +
	`(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?` +
	`)$`)

// sameWord matches those of them that Python writes again as they were.
var sameWord = regexp.MustCompile(
	`^(?:0|-?[1-9][0-9]*|-?(?:0|[1-9][0-9]{0,8})\.(?:0|[0-9]{0,3}[1-9])|[0-9]{4}-[0-9]{2}-[0-9]{2})$`)
