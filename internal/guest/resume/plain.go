package resume

import (
	"encoding/base64"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// plain returns the script of the plain lane.
func plain(d guest.Direct, f Facts) string {
	var early, late, report strings.Builder
	hostname, _, _ := strings.Cut(d.Hostname, ".")
	// A guest that is restarted before this begins again, by cloud-init.
	call(&late, "instance", d.InstanceID, f.hostname(d.Hostname), d.Hostname)
	call(&early, "hosts", hostname, d.Hostname)
	if d.Report != nil {
		writeFile(&early, *d.Report, "write_files")
	}
	for _, file := range d.Files {
		if file.Deferred {
			writeFile(&late, file, "write_files_deferred")
		} else {
			writeFile(&early, file, "write_files")
		}
	}
	for _, user := range d.Users {
		call(&early, "user", user.Name, "", strings.Join(user.Groups, ","), user.Shell, user.Sudo)
		if len(user.Keys) > 0 {
			call(&early, "authorize", user.Name, lines(user.Keys))
		}
	}
	early.WriteString(`  user "$image_user_name" "$image_user_gecos" "$image_user_groups" "$image_user_shell" ` +
		`"$image_user_sudo"` + "\n" +
		`  authorize "$image_user_name" ` + cloudinit.ShellWord(lines(d.Keys)) + "\n")
	call(&early, "authorize", "root", lines(d.Keys))
	if d.Timezone != "" {
		call(&late, "zone", d.Timezone)
	}
	if d.Report != nil {
		if d.Customizes {
			call(&late, "customize", d.Report.Path)
		}
		call(&report, "report", d.Report.Path)
	}
	return wrapped(plainScript,
		"  @EARLY@\n", early.String(), "  @LATE@\n", late.String(), "  @REPORT@\n", report.String())
}

func writeFile(out *strings.Builder, f guest.DirectFile, module string) {
	encoding, content := "", f.Content
	if !printable(content) {
		encoding, content = "base64", base64.StdEncoding.EncodeToString([]byte(content))
	}
	call(out, "file", f.Path, f.Permissions, f.Owner, encoding, content, module)
}

// printable reports whether every shell takes a text between quotes as it is.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && (r < ' ' || r > '~') })
}

func lines(texts []string) string {
	var all strings.Builder
	for _, text := range texts {
		all.WriteString(text + "\n")
	}
	return all.String()
}
