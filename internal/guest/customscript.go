package guest

import (
	_ "embed" // the script
	"fmt"
	"regexp"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// scriptPath is where the guest keeps the script of its customization: with the rest of what cloud-init knows of the
// instance. Only root may read it.
const scriptPath = "/var/lib/cloud/instance/novacron.sh"

//go:embed customize.sh
var customizeScript string

// script carries out what cloud-init has no field for, makes sure of what it would get wrong without a word, and reports
// how everything went, which cloud-init's own status does not tell: of several commands it notices only the last one's
// failure.
func (c *Customization) script(id string) string {
	var calls strings.Builder
	call := func(function string, args ...string) {
		calls.WriteString(function)
		for _, arg := range args {
			calls.WriteString(" " + catalog.ShellWord(arg))
		}
		calls.WriteString("\n")
	}
	if c.OpenPorts != nil {
		call("firewall")
	}
	for _, name := range sortedKeys(c.Users) {
		u := c.Users[name]
		call("made", append([]string{name, u.Shell}, set(u.Groups)...)...)
	}
	for i, command := range c.RunCommands {
		call("run", fmt.Sprint(i), command)
	}
	return strings.NewReplacer("@REPORT@", reportMark(id), "@CALLS@\n", calls.String()).Replace(customizeScript)
}

// reportMark begins the line by which a guest reports. The ID keeps it from being mistaken for that of another.
func reportMark(id string) string { return "novacron: customization of " + id }

// reportForm is the rest of that line, which customize.sh writes.
var reportForm = regexp.MustCompile(`^: (ok|failed: (.*))\.\r*\n`)

// CustomizationReport finds on a guest's serial console what it has reported of its customization. reported is false
// while there is nothing; failure is "" where all went well.
func CustomizationReport(console, instanceID string) (failure string, reported bool) {
	mark := reportMark(instanceID)
	for {
		_, rest, found := strings.Cut(console, mark)
		if !found {
			return "", false
		}
		if report := reportForm.FindStringSubmatch(rest); report != nil {
			return report[2], true
		}
		console = rest
	}
}
