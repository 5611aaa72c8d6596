package guest

import (
	_ "embed" // the script
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

// scriptPath is where the guest keeps the report script until the guest has reported: cloud-init
// runs the scripts there at each boot, before the commands of runcmd. So it does not depend on
// them, and goes on after a command that restarts the guest. Only root may read it.
const scriptPath = "/var/lib/cloud/scripts/per-boot/novacron.sh"

//go:embed firstboot.sh
var firstBootScript string

// Reports reports whether a guest reports on its serial console: it does if its template's
// cloud-config, with its parameters filled in, or its customization gives it something to do at its
// first boot.
func Reports(template string, c *Customization) bool {
	theirs, err := parseCloudConfig(template)
	return err == nil && reports(theirs, c)
}

func reports(template *yaml.Node, c *Customization) bool {
	return len(template.Content) > 0 || !c.empty()
}

// customizeCommand makes the script carry out the customization, as a command of runcmd. cloud-init
// writes its commands as one script, so the exit status is that of the command before.
const customizeCommand = "sh " + scriptPath + " customize $?"

// script is the script that reports how everything went that the guest was given to do. It also
// carries out what cloud-init has no field for, and makes sure of what cloud-init would silently
// get wrong. cloud-init's own status does not cover that: of several commands it notices only the
// failure of the last.
func (c *Customization) script(id string) string {
	if c.empty() {
		c = &Customization{}
	}
	var calls strings.Builder
	call := func(function string, args ...string) {
		calls.WriteString(function)
		for _, arg := range args {
			calls.WriteString(" " + cloudinit.ShellWord(arg))
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
	customizes := "no"
	if !c.empty() {
		customizes = "yes"
	}
	return strings.NewReplacer("@REPORT@", ReportMark(id), "@ID@", id, "@CUSTOMIZES@", customizes, "  @CALLS@\n",
		calls.String()).
		Replace(firstBootScript)
}

// ReportMark begins the line by which a guest reports. The ID keeps it from being mistaken for
// another guest's line. It also appears in seeds of instances that have yet to be started for the
// first time, so it must not change.
func ReportMark(id string) string { return "novacron: customization of " + id }

// reportForm is the rest of that line, which firstboot.sh writes.
var reportForm = regexp.MustCompile(`^: (ok|failed: (.*))\.\r*\n`)

// Report finds in a guest's serial console what it has reported of its first boot. reported is
// false while there is nothing; failure is "" if all went well.
func Report(console, instanceID string) (failure string, reported bool) {
	mark := ReportMark(instanceID)
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
