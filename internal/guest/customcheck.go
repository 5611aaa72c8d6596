package guest

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

var (
	// loginForm matches what useradd(8) of both Debian and Red Hat accepts.
	loginForm       = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	permissionsForm = regexp.MustCompile(`^[0-7]{3,4}$`)
	timezoneForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}$`)
	localeForm      = regexp.MustCompile(`^([a-z]{2,3}(_[A-Z]{2})?|C|POSIX)(\.[A-Za-z0-9-]+)?(@[A-Za-z]+)?$`)
)

// maxCommand keeps a command below the limit of Linux for one argument of a program
// (MAX_ARG_STRLEN, 128 KiB).
const maxCommand = 120 << 10

// Validate returns findings for what is wrong, each at its attribute below customization. template
// is the cloud-config of the instance's template, with its parameters filled in, that the
// customization is merged with. It is "" if there is none, or if it is not known yet.
func (c *Customization) Validate(template string) finding.List {
	if c == nil {
		return nil
	}
	var fs finding.List
	at := finding.At("customization")
	for _, name := range c.InstallPackages {
		if name == "" || name[0] == '-' || strings.ContainsFunc(name, isSpaceOrControl) {
			fs.Add(at.Name("install_packages"), "Invalid package name", fmt.Sprintf(
				"%q is not the name of a package: leave out spaces and a leading hyphen.", name))
		}
	}
	for _, port := range c.OpenPorts {
		if port < 1 || port > 65535 {
			fs.Add(at.Name("open_ports"), "Invalid port", fmt.Sprintf("%d is not between 1 and 65535.", port))
		}
	}
	checkSSHKeys(&fs, at.Name("ssh_authorized_keys"), c.SSHAuthorizedKeys)
	for _, name := range sortedKeys(c.Users) {
		checkUser(&fs, at.Name("users").Key(name), name, c.Users[name])
	}
	for _, name := range sortedKeys(c.Files) {
		checkFile(&fs, at.Name("files").Key(name), name, c.Files[name])
	}
	for i, command := range c.RunCommands {
		if problem := commandProblem(command); problem != "" {
			fs.Add(at.Name("run_commands"), "Invalid command", fmt.Sprintf("run_commands[%d] %s.", i, problem))
		}
	}
	if c.Timezone != "" && !timezoneForm.MatchString(c.Timezone) {
		fs.Add(at.Name("timezone"), "Invalid time zone",
			fmt.Sprintf("%q is not a name in the tz database, such as UTC or "+
				"Europe/Berlin.", c.Timezone))
	}
	if c.Locale != "" && !localeForm.MatchString(c.Locale) {
		fs.Add(at.Name("locale"), "Invalid locale", fmt.Sprintf("%q is not a locale, such as en_US.UTF-8 or "+
			"C.UTF-8.", c.Locale))
	}
	if _, err := parseCloudConfig(c.UserData); err != nil {
		fs.Add(at.Name("user_data"), "Invalid user data", finding.Sentence(err))
	} else if len(fs) == 0 {
		checkJoint(&fs, c, template)
	}
	return fs
}

func checkSSHKeys(fs *finding.List, at finding.Path, keys []string) {
	for _, key := range keys {
		if err := ValidSSHKey(key); err != nil {
			fs.Add(at, "Invalid SSH key", finding.Sentence(err))
		}
	}
}

func checkUser(fs *finding.List, at finding.Path, name string, u User) {
	switch {
	case name == "root":
		fs.Add(at, "Reserved user name", "The user root exists already: set ssh_authorized_keys of "+
			"customization to let keys log in as root.")
	case !loginForm.MatchString(name):
		fs.Add(at, "Invalid user name", "Use lower-case letters, digits, hyphens and underscores, starting with a "+
			"letter or an underscore, at most 32.")
	}
	for _, group := range u.Groups {
		if !loginForm.MatchString(group) {
			fs.Add(at.Name("groups"), "Invalid group name",
				fmt.Sprintf("%q is not the name of a group: use lower-case "+
					"letters, digits, hyphens and underscores, starting with a letter or an underscore, at most 32.",
					group))
		}
	}
	checkSSHKeys(fs, at.Name("ssh_authorized_keys"), u.SSHAuthorizedKeys)
	if u.Shell != "" && (!absolute(u.Shell) || strings.ContainsFunc(u.Shell, isSpaceOrControl) ||
		strings.Contains(u.Shell, ":")) {
		fs.Add(at.Name("shell"), "Invalid shell",
			fmt.Sprintf("The shell %q is not the absolute path of a program, such as "+
				"/bin/bash.", u.Shell))
	}
}

func checkFile(fs *finding.List, at finding.Path, name string, f File) {
	if !absolute(name) || strings.ContainsFunc(name, isControl) {
		fs.Add(at, "Invalid file path", "Use an absolute path without . and .., doubled slashes, or a "+
			"slash at its end.")
	}
	if f.Permissions != "" && !permissionsForm.MatchString(f.Permissions) {
		fs.Add(at.Name("permissions"), "Invalid permissions",
			fmt.Sprintf("The permissions are %q: write them in octal, as in \"0644\".", f.Permissions))
	}
	if user, group, both := strings.Cut(f.Owner, ":"); f.Owner != "" &&
		(!loginForm.MatchString(user) || both && !loginForm.MatchString(group)) {
		fs.Add(at.Name("owner"), "Invalid owner", fmt.Sprintf("The owner is %q: write a user, or user:group, by name.",
			f.Owner))
	}
}

// absolute reports whether a path leads from the root to something else, without detours.
func absolute(name string) bool { return len(name) > 1 && name[0] == '/' && path.Clean(name) == name }

func commandProblem(command string) string {
	switch {
	case strings.TrimSpace(command) == "":
		return "is empty"
	case strings.ContainsRune(command, 0):
		return "holds a NUL character"
	case len(command) > maxCommand:
		return fmt.Sprintf("is longer than %d KiB: write a file, and run that", maxCommand>>10)
	}
	return ""
}

// checkJoint returns findings for what cannot be merged with the template's cloud-config.
func checkJoint(fs *finding.List, c *Customization, template string) {
	theirs, err := parseTemplate(template)
	if err != nil {
		fs.Add(finding.At("template_id"), "Invalid cloud-config", finding.Sentence(err))
		return
	}
	if _, err := renderUserData("check", nil, theirs, c, ""); err != nil {
		fs.Add(finding.At("customization").Name("user_data"), "Could not merge user data", finding.Sentence(err))
	}
}

func isSpaceOrControl(r rune) bool { return r == ' ' || r == '\t' || isControl(r) }
