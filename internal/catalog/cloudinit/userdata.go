package cloudinit

import (
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/texttemplate"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Config is what a template tells its guests at first boot.
type Config struct {
	// UserData is a cloud-config, written as a template over the parameters, as package
	// texttemplate has them.
	UserData string `json:"user_data"`
}

// CloudConfigHeader is the first word of a cloud-config
// (https://cloudinit.readthedocs.io/en/latest/explanation/format.html).
const CloudConfigHeader = "#cloud-config"

// ByteOrderMark is what some editors put before a text in UTF-8. It is not part of the text, but
// programs that do not know it take it for a part.
const ByteOrderMark = "\ufeff"

// CloudConfigBody returns what follows the first line of a cloud-config; ok is false for any other
// text. cloud-init skips blank space before that line, and ignores its case. CloudConfigBody skips
// a byte order mark before it.
func CloudConfigBody(config string) (body string, ok bool) {
	header, body, _ := strings.Cut(strings.TrimLeft(strings.TrimPrefix(config, ByteOrderMark), " \t\r\n"), "\n")
	words := strings.Fields(header)
	return body, len(words) > 0 && strings.EqualFold(words[0], CloudConfigHeader)
}

// NotCloudConfig says what to do about a text that is not a cloud-config, depending on what else
// cloud-init would take it for
// (https://cloudinit.readthedocs.io/en/latest/explanation/format.html).
func NotCloudConfig(config string) string {
	const must = "The first line must be " + CloudConfigHeader + ". "
	first := strings.ToLower(strings.TrimLeft(strings.TrimPrefix(config, ByteOrderMark), " \t\r\n"))
	begins := func(prefix string) bool { return strings.HasPrefix(first, prefix) }
	switch {
	case begins("## template: jinja"):
		return must + "Jinja templates are not supported. A template's user_data is a Go template over its " +
			"parameters, so write {{ .hostname }} for what differs between instances; commands can ask for what " +
			"cloud-init knows about a guest with `cloud-init query`."
	case begins("#!"):
		return must + "A plain script is not supported: write it to a file with write_files, and run that with runcmd."
	case begins("content-type:"), begins("mime-version:"):
		return must + "MIME archives are not supported: combine the parts into one cloud-config."
	case begins("#include"), begins("#cloud-config-archive"), begins("#cloud-boothook"), begins("#part-handler"),
		begins("#cloud-config-jsonp"):
		return must + "Other forms of user data are not supported: write one cloud-config."
	}
	return must + "For a script use its runcmd or write_files."
}

// Validate returns findings for syntax errors in a template of user data. c may be nil; paths start
// at cloud_init.
func (c *Config) Validate() finding.List {
	var fs finding.List
	if c == nil {
		return nil
	}
	if _, ok := CloudConfigBody(c.UserData); !ok {
		fs.Add(at(), "Not a cloud-config", NotCloudConfig(c.UserData))
	}
	if _, err := texttemplate.Parse(c.UserData); err != nil {
		fs.Add(at(), texttemplate.Invalid, finding.Sentence(err))
	}
	return fs
}

func at() finding.Path { return finding.At("cloud_init").Name("user_data") }

// ValidateNames returns findings for names in a template of user data that are not parameters.
func (c *Config) ValidateNames(declared map[string]parameter.Parameter) finding.List {
	var fs finding.List
	if c == nil {
		return nil
	}
	parsed, err := texttemplate.Parse(c.UserData)
	if err != nil {
		return nil //nolint:nilerr // which Validate tells
	}
	parsed.ValidateNames(&fs, at(), declared)
	return fs
}

// Render renders the user data with effective values, all of which must be known. Errors name the
// line, and never a value. c may be nil.
func (c *Config) Render(declared map[string]parameter.Parameter, effective parameter.Values) (string, error) {
	if c == nil {
		return "", nil
	}
	parsed, err := texttemplate.Parse(c.UserData)
	if err != nil {
		return "", err
	}
	return parsed.Render(texttemplate.VariablesOf(declared, effective))
}

// ShellWord quotes a text as one word for a POSIX shell, as the function shell of user data does.
func ShellWord(word string) string { return texttemplate.ShellWord(word) }
