package container

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// usualPath is the PATH of images that set none, as container engines have it.
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// run says which application runs, and how.
func (p *Part) run(c *initd.Config, version catalog.Version, s *settings.Settings) finding.List {
	var fs finding.List
	root := version.Root
	at := finding.At("container")
	c.Process.Args = arguments(root, s)
	if len(c.Process.Args) == 0 {
		fs.Add(at.Name("command"), "Nothing to run", fmt.Sprintf("Neither the image of version %q nor the settings "+
			"say what to run: set container.command or container.entrypoint, or container.init = \"system\".",
			version.ID))
	}
	user, where := root.User, finding.At("version")
	if s.User != nil {
		user, where = *s.User, at.Name("user")
	}
	who, err := accountOf(root, user)
	if err != nil {
		fs.Add(where, "Unknown user", fmt.Sprintf("In version %q, %v.", version.ID, err))
	}
	c.Process.UID, c.Process.GID, c.Process.Groups = who.uid, who.gid, who.groups
	c.Process.Env = environment(root, s, who, c.Hostname)
	c.Process.Dir = root.WorkingDir
	if s.WorkingDir != nil {
		c.Process.Dir = *s.WorkingDir
	}
	c.Restart = initd.Restart(or(s.Restart, settings.DefaultRestart))
	stop := cmp.Or(or(s.StopSignal, root.StopSignal), "SIGTERM")
	number, known := settings.Signal(stop)
	if !known {
		fs.Add(at.Name("stop_signal"), "Unknown signal", fmt.Sprintf("%q is not a signal of Linux: write its name, "+
			"such as SIGTERM, or its number.", stop))
	}
	c.Stop.Signal = number
	c.Stop.Timeout = or(s.StopTimeoutSeconds, settings.DefaultStopTimeoutSeconds) * 1000
	c.Health = health(root, s)
	return fs
}

func or[T any](value *T, otherwise T) T {
	if value != nil {
		return *value
	}
	return otherwise
}

// arguments are the program and its arguments. As with container engines, an entrypoint of the settings
// replaces the image's command as well.
func arguments(root *catalog.RootImage, s *settings.Settings) []string {
	entrypoint, command := root.Entrypoint, root.Command
	if s.Entrypoint != nil {
		if entrypoint = s.Entrypoint; len(entrypoint) > 0 {
			command = nil
		}
	}
	if s.Command != nil {
		command = s.Command
	}
	return slices.Concat(entrypoint, command)
}

// environment is the image's, with that of the settings over it, and what container engines add.
func environment(root *catalog.RootImage, s *settings.Settings, who account, host string) []string {
	env := map[string]string{"PATH": usualPath, "HOSTNAME": host, "HOME": cmp.Or(who.home, "/")}
	maps.Copy(env, root.Env)
	maps.Copy(env, s.Env)
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// health is the health check, with the defaults of container engines; nil for none.
func health(root *catalog.RootImage, s *settings.Settings) *initd.Health {
	check := root.HealthCheck
	if s.HealthCheck != nil {
		own, images := settings.Settings{HealthCheck: s.HealthCheck}, settings.Settings{HealthCheck: check}
		check = own.Over(&images).HealthCheck
	}
	if check == nil || len(check.Command) < 2 { // NONE, or nothing
		return nil
	}
	args := check.Command[1:]
	if check.Command[0] == settings.HealthShell {
		args = []string{"/bin/sh", "-c", check.Command[1]}
	}
	const second = 1000
	return &initd.Health{
		Args:        args,
		Interval:    or(check.IntervalSeconds, settings.DefaultIntervalSeconds) * second,
		Timeout:     or(check.TimeoutSeconds, settings.DefaultTimeoutSeconds) * second,
		Retries:     int(or(check.Retries, settings.DefaultRetries)),
		StartPeriod: or(check.StartPeriodSeconds, settings.DefaultStartPeriodSeconds) * second,
	}
}

// filesOf are the files that are written at each start.
func filesOf(version catalog.Version, c *guest.Customization) ([]initd.File, finding.List) {
	var fs finding.List
	if c == nil {
		return nil, nil
	}
	var files []initd.File
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		f, at := c.Files[path], finding.At("customization").Name("files").Key(path)
		owner, err := accountOf(version.Root, cmp.Or(f.Owner, guest.DefaultOwner))
		if err != nil {
			fs.Add(at.Name("owner"), "Unknown owner", fmt.Sprintf("File %q: in version %q, %v.", path, version.ID, err))
		}
		mode, err := strconv.ParseUint(cmp.Or(f.Permissions, guest.DefaultPermissions), 8, 16)
		if err != nil {
			fs.Add(at.Name("permissions"), "Invalid permissions", fmt.Sprintf("%q is not octal.", f.Permissions))
		}
		files = append(files, initd.File{
			Path: path, Mode: uint32(mode), UID: owner.uid, GID: owner.gid, Content: []byte(f.Content),
		})
	}
	return files, fs
}
