package guest

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// moduleLists are the lists of modules in the order in which cloud-init runs them. A list in a
// cloud-config replaces that of the image.
var moduleLists = []string{"cloud_init_modules", "cloud_config_modules", "cloud_final_modules"}

// module is a part of cloud-init, with the list that has it in images.
type module struct{ name, list string }

var (
	writesFiles  = module{"write_files", "cloud_init_modules"}
	runsPerBoot  = module{"scripts_per_boot", "cloud_final_modules"}
	writesRuncmd = module{"runcmd", "cloud_config_modules"}
	runsRuncmd   = module{"scripts_user", "cloud_final_modules"}
)

// LackingToReport says which of the modules by which a guest reports its first boot are left out by
// the cloud-config of its template and of its customization. It is "" if the guest reports, or has
// nothing to report.
func LackingToReport(template string, c *Customization) string {
	return lacking(template, c, func() []module { return []module{writesFiles, runsPerBoot} })
}

// LackingToCustomize is LackingToReport for the modules that carry out a customization.
func LackingToCustomize(template string, c *Customization) string {
	if c.empty() {
		return ""
	}
	return lacking(template, c, c.modules)
}

// modules are those that the attributes of a customization need.
func (c *Customization) modules() []module {
	all := []module{writesFiles, writesRuncmd, runsRuncmd}
	add := func(needed bool, name, list string) {
		if needed {
			all = append(all, module{name, list})
		}
	}
	add(c.OpenPorts != nil, "bootcmd", "cloud_init_modules")
	add(len(c.Users) > 0, "users_groups", "cloud_init_modules")
	add(len(c.SSHAuthorizedKeys) > 0, "ssh", "cloud_init_modules")
	add(c.Locale != "", "locale", "cloud_config_modules")
	add(c.Timezone != "", "timezone", "cloud_config_modules")
	add(len(c.InstallPackages) > 0, "package_update_upgrade_install", "cloud_final_modules")
	for _, path := range sortedKeys(c.Files) {
		if c.Files[path].written(path).Defer {
			add(true, "write_files_deferred", "cloud_final_modules")
			break
		}
	}
	return all
}

// lacking lists modules that a cloud-config leaves out: it has the list that contains them by
// default, and none of its lists has them. It ignores a cloud-config that cannot be read, because
// other checks report that.
func lacking(template string, c *Customization, needed func() []module) string {
	theirs, err := parseCloudConfig(template)
	if err != nil || !reports(theirs, c) {
		return ""
	}
	own := &yaml.Node{Kind: yaml.MappingNode}
	if c != nil {
		if own, err = parseCloudConfig(c.UserData); err != nil {
			return ""
		}
	}
	lists, named := map[string]bool{}, map[string]bool{}
	for _, list := range moduleLists {
		value := valueOf(own, list)
		if value == nil {
			value = valueOf(theirs, list)
		}
		if value == nil {
			continue
		}
		lists[list] = true
		for _, element := range value.Content {
			named[moduleName(element)] = true
		}
	}
	var left []string
	for _, m := range needed() {
		if lists[m.list] && !named[m.name] {
			left = append(left, fmt.Sprintf("%s leaves out %s", m.list, m.name))
		}
	}
	slices.Sort(left)
	return strings.Join(slices.Compact(left), ", ")
}

// moduleName is the name of a module in an element of a list: a text, a list that begins with it,
// or a mapping with its name. Names may be written with hyphens, or as the names of the modules'
// files.
func moduleName(element *yaml.Node) string {
	switch {
	case element.Kind == yaml.SequenceNode && len(element.Content) > 0:
		element = element.Content[0]
	case element.Kind == yaml.MappingNode:
		element = valueOf(element, "name")
	}
	if element == nil || element.Kind != yaml.ScalarNode {
		return ""
	}
	name := strings.ReplaceAll(strings.TrimSpace(element.Value), "-", "_")
	return strings.TrimPrefix(strings.TrimSuffix(name, ".py"), "cc_")
}
