package random_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// declared are the shop's parameters.
func declared() settings {
	return settings{
		"word":    settings{"type": "text", "default": "none"},
		"count":   settings{"type": "integer", "min_value": 1, "max_value": 9, "default": "3"},
		"ratio":   settings{"type": "number"},
		"flag":    settings{"type": "bool", "default": "true"},
		"many":    settings{"type": "list"},
		"table":   settings{"type": "map"},
		"size":    settings{"type": "string", "allowed_values": []string{"s", "m", "l"}},
		"memory":  settings{"type": "integer", "target": "hardware.memory_mb"},
		"pass":    settings{"type": "string", "sensitive": true},
		"machine": settings{"type": "string", "target": "hostname"},
	}
}

var parameters = objectOf(
	attribute{"word", maybe(text)},
	attribute{"count", oneOf(nil, 1, 9, "4")},
	attribute{"ratio", oneOf(nil, 0, -1.5, 1e21, "0.1")},
	attribute{"flag", oneOf(nil, true, false, "false")},
	attribute{"many", maybe(words)},
	attribute{"table", maybe(labels)},
	attribute{"size", oneOf(nil, "s", "m", "l")},
	attribute{"memory", oneOf(nil, nil, 48, "80")},
	attribute{"machine", oneOf(nil, "host", "a-b-1")},
)

var hardware = objectOf(
	attribute{"cpu_count", oneOf(nil, 1, 2)},
	attribute{"cpu_cores", oneOf(nil, 1, 3)},
	attribute{"memory_mb", oneOf(nil, 32, 64, 96)},
	attribute{"cpu_type", oneOf(nil, "host-model", "maximum", "Nehalem")},
	attribute{"firmware", oneOf(nil, nil, "bios", "efi")},
)

// network draws interfaces. Addresses are of a network that no other instance is in.
func network(g *generator, _ settings) any {
	interfaces := settings{}
	for _, name := range slices.Compact(slices.Sorted(slices.Values([]string{
		pick(g, "eth0", "eth2", "eth10"), pick(g, "eth0", "lan"),
	}))) {
		card := settings{}
		for _, a := range []attribute{
			{"type", oneOf(nil, "virtio", "e1000", "e1000e", "rtl8139")},
			{"network", oneOf(nil, "default")},
			{"mac_address", maybe(func(g *generator, _ settings) any {
				return fmt.Sprintf("52:54:00:%02x:%02x:%02x", g.IntN(256), g.IntN(256), g.IntN(256))
			})},
			{
				"ip_configuration", oneOf(nil, nil, settings{"dhcp_enabled": true},
					settings{"dns_servers": []string{"192.0.2.53"}}),
			},
		} {
			g.set(card, a)
		}
		interfaces[name] = card
	}
	profile := settings{"interfaces": interfaces}
	if address := g.IntN(4); address == 0 {
		third := g.IntN(200)
		first := slices.Min(slices.Collect(maps.Keys(interfaces)))
		interfaces.at(first)["ip_configuration"] = settings{
			"static_ip": fmt.Sprintf("198.51.%d.5/24", third), "gateway": fmt.Sprintf("198.51.%d.1", third),
		}
	}
	if g.IntN(3) == 0 {
		profile["default_network_policies"] = []string{"clean-traffic"}
	}
	return profile
}

// disks draws disks that are no smaller than those that are there.
func disks(g *generator, has settings) any {
	before, next := has.at("storage_profile", "disks"), settings{}
	if size := before.size("system") + g.IntN(2); size > 0 {
		next["system"] = settings{"size_gb": size}
	}
	for _, name := range []string{"data", "logs"} {
		was := before.size(name)
		if was == 0 && g.IntN(2) == 0 || was > 0 && g.IntN(4) == 0 {
			continue
		}
		disk := settings{"size_gb": max(was, 1) + g.IntN(2)}
		g.set(disk, attribute{"type", oneOf(nil, "ssd", "hdd")})
		next[name] = disk
	}
	if boot := g.IntN(8); boot == 0 && next["data"] != nil {
		next.at("data")["is_boot"] = true
	}
	if len(next) == 0 {
		return nil
	}
	if _, ofInstance := has["template_id"]; !ofInstance && next["system"] == nil {
		next["system"] = settings{"is_system_disk": true} // only an instance's disks are laid over others
	}
	return settings{"disks": next}
}

// moreDisks draws disks for a guest that runs: they come, and grow.
func moreDisks(g *generator, has settings) any {
	next := settings{}
	disks := has.at("storage_profile", "disks")
	for _, name := range slices.Sorted(maps.Keys(disks)) {
		grown := disks.at(name).clone()
		grown["size_gb"] = grown["size_gb"].(int) + g.IntN(2)
		next[name] = grown
	}
	if name := pick(g, "more", "most"); next[name] == nil {
		next[name] = settings{"size_gb": 1}
	}
	return settings{"disks": next}
}

func (s settings) size(name string) int {
	size, _ := s.at(name)["size_gb"].(int)
	return size
}

var customization = objectOf(
	attribute{"timezone", oneOf(nil, "Europe/Berlin")},
	attribute{"locale", oneOf(nil, "en_US.UTF-8")},
	attribute{"install_packages", oneOf(nil, []string{}, []string{"nginx", "vim"})},
	attribute{"open_ports", oneOf(nil, []int{}, []int{443, 80})},
	// an empty one is none
	attribute{
		"run_commands", maybe(func(g *generator, _ settings) any { return []string{pick(g, texts[1:]...), "true"} }),
	},
	attribute{"user_data", oneOf(nil, "#cloud-config\nbootcmd: [\"true\"]\n")},
	attribute{"files", maybe(func(g *generator, _ settings) any {
		return settings{"/etc/drawn": g.drawn([]attribute{{"permissions", oneOf(nil, "0600")}},
			settings{"content": pick(g, texts...)})}
	})},
	attribute{
		"users", oneOf(nil, nil, settings{"ann": settings{"sudo": true}},
			settings{"bob": settings{"groups": []string{"adm"}, "shell": "/bin/sh"}}),
	},
)

// labelling can be changed of anything.
var labelling = []attribute{{"description", maybe(text)}, {"labels", maybe(labels)}}

var runningAttributes = append(slices.Clone(labelling),
	attribute{"autostart", oneOf(nil, true, false)},
	attribute{"allow_restart", oneOf(nil, true, false)},
	attribute{"on_version_change", oneOf(nil, "replace", "reimage")},
	attribute{"on_no_warm", without},
	attribute{"storage_profile", moreDisks},
)

// strategies are the names of all strategies.
var strategies = func() (names []any) {
	for _, name := range strategy.Names() {
		names = append(names, name)
	}
	return names
}()

// startable draws a strategy. Guests that are resumed run, and without a warm snapshot they boot.
func startable(g *generator, has settings) any {
	var names []any
	for _, s := range strategy.All() {
		if !s.Resumes() || has["power_state"] == "running" {
			names = append(names, string(s.Name()))
		}
	}
	return pick(g, names...)
}

// without draws what happens without a warm snapshot, which no version has.
func without(g *generator, has settings) any {
	if name, _ := has["strategy"].(string); name == "instantiate" {
		return pick[any](g, nil, "boot")
	}
	return pick[any](g, nil, "boot", "fail")
}

var instanceAttributes = append(slices.Clone(labelling),
	attribute{"version", oneOf(nil, "1.0.0", "1.1.0", "~> 1.0", ">= 1.1", "2.0.0")},
	attribute{"strategy", startable}, // left out later, it stays what it was
	attribute{"on_no_warm", without},
	attribute{"autostart", oneOf(nil, true, false)},
	attribute{"allow_restart", oneOf(nil, true, false)},
	attribute{"on_version_change", oneOf(nil, "replace", "reimage")},
	attribute{"parameters", maybe(parameters)},
	attribute{"customization", maybe(customization)},
	attribute{"hardware_profile", maybe(hardware)},
	attribute{"network_profile", maybe(network)},
	attribute{"storage_profile", disks},
)

var versionAttributes = []attribute{
	{"description", maybe(text)},
	{"state", func(g *generator, has settings) any {
		if has["version"] != numbers[0] { // which version is the newest must not change meanwhile
			return nil
		}
		return pick[any](g, nil, "active", "deprecated")
	}},
	{"deprecation_message", maybe(text)},
	{"deletion_protection", oneOf(nil, false)},
	{"verify", oneOf(nil, "size", "full")},
}

var templateAttributes = append(slices.Clone(labelling),
	attribute{"display_name", maybe(text)},
	attribute{"state", oneOf(nil, "draft", "active", "deprecated", "archived")},
	attribute{"deprecation_message", maybe(text)},
	attribute{"is_public", oneOf(nil, true, false)},
	attribute{"default_strategy", oneOf(append([]any{nil}, strategies...)...)},
	attribute{"hardware_profile", maybe(hardware)},
	attribute{"network_profile", maybe(network)},
	attribute{"storage_profile", disks},
	attribute{"parameters", maybe(func(*generator, settings) any { return declared() })},
	attribute{"access_control", maybe(objectOf(
		attribute{"read_users", oneOf(nil, []string{}, []string{"ann"})},
		attribute{"use_tenants", oneOf(nil, []string{"other"})},
		attribute{"write_groups", oneOf(nil, []string{"ops", "dev"})},
	))},
)
