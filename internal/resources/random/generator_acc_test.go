package random_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// crowd is how many instances a configuration has; each but the first has a twin later.
const crowd = 5

// shop is the label of the template that the instances are of.
const shop = "shop"

// numbers are the shop's versions, all of which exist before the first instance.
var numbers = []string{"1.0.0", "1.1.0", "2.0.0"}

// generator draws valid configurations.
type generator struct {
	*rand.Rand
	prefix string // of all names
	images []string
}

// attribute draws a value for an attribute of that name. It gets what the resource has; nil means
// no value.
type attribute struct {
	name string
	draw func(g *generator, has settings) any
}

func (g *generator) configuration() configuration {
	c := configuration{
		templates: map[string]settings{}, versions: map[string]settings{}, instances: map[string]settings{},
	}
	c.templates[shop] = settings{
		"name": g.prefix, "parameters": declared(), "hardware_profile": settings{"memory_mb": 64},
		"cloud_init": settings{"user_data": "#cloud-config\nbootcmd:\n- [echo, {{ .word | json }}]\n"},
	}
	for n, number := range numbers {
		c.versions[fmt.Sprintf("v%d", n)] = g.drawn(versionAttributes, settings{
			"template_id": reference("novacron_template.shop.id"), "version": number,
			"source": settings{"path": g.images[n%len(g.images)]},
		})
	}
	for n := range 2 {
		c.templates[fmt.Sprintf("t%d", n)] = g.drawn(templateAttributes,
			settings{"name": fmt.Sprintf("%s-t%d", g.prefix, n)})
	}
	for n := range crowd {
		running := n == 0 // nothing boots from an empty disk, so the guest releases nothing
		has := settings{
			"name":        fmt.Sprintf("%s-i%d", g.prefix, n),
			"template_id": reference("novacron_template.shop.id"),
			"wait_for":    []string{},
			"depends_on":  g.versions(),
			"timeouts":    settings{"delete": "1s"},
			"power_state": "stopped",
		}
		if running {
			has["power_state"] = "running"
		}
		c.instances[fmt.Sprintf("i%d", n)] = g.drawn(instanceAttributes, has)
	}
	return c
}

// versions is what must exist before an instance of any version.
func (g *generator) versions() []reference {
	var all []reference
	for n := range numbers {
		all = append(all, reference(fmt.Sprintf("novacron_template_version.v%d", n)))
	}
	return all
}

// drawn adds attributes at random.
func (g *generator) drawn(attributes []attribute, has settings) settings {
	for _, a := range attributes {
		g.set(has, a)
	}
	return has
}

func (g *generator) set(has settings, a attribute) {
	value := a.draw(g, has)
	if delete(has, a.name); value != nil {
		has[a.name] = value
	}
	if state := has["state"]; state != "deprecated" && state != "archived" {
		delete(has, "deprecation_message") // which goes with these only
	}
}

// changed draws some attributes of each resource once more.
func (g *generator) changed(c configuration) configuration {
	again := func(resources map[string]settings, of func(settings) []attribute) map[string]settings {
		next := map[string]settings{}
		for _, label := range slices.Sorted(maps.Keys(resources)) {
			next[label] = resources[label].clone()
			attributes := of(next[label])
			for _, n := range g.Perm(len(attributes))[:min(1+g.IntN(4), len(attributes))] {
				g.set(next[label], attributes[n])
			}
		}
		return next
	}
	return configuration{
		templates: again(c.templates, func(s settings) []attribute {
			if s["name"] == g.prefix { // a version is made of the shop's settings once
				return labelling
			}
			return templateAttributes
		}),
		versions: again(c.versions, func(settings) []attribute { return versionAttributes }),
		instances: again(c.instances, func(s settings) []attribute {
			if s["power_state"] == "running" {
				return runningAttributes
			}
			return instanceAttributes
		}),
	}
}

// oneOf draws one of the values. nil is among them if an attribute may be left out.
func oneOf(values ...any) func(*generator, settings) any {
	return func(g *generator, _ settings) any { return pick(g, values...) }
}

func pick[T any](g *generator, values ...T) T { return values[g.IntN(len(values))] }

// maybe draws nothing half of the time.
func maybe(draw func(g *generator, has settings) any) func(*generator, settings) any {
	return func(g *generator, has settings) any {
		if g.IntN(2) == 0 {
			return nil
		}
		return draw(g, has)
	}
}

// objectOf draws an object of some of the attributes, at least one.
func objectOf(attributes ...attribute) func(*generator, settings) any {
	return func(g *generator, _ settings) any {
		for {
			if object := g.drawn(attributes, settings{}); len(object) > 0 {
				return object
			}
		}
	}
}

// texts are what people write, and what breaks formats.
var texts = []string{
	"", "plain", "two words", " spaces around ", "ünïcödé ☃ 日本語 🖥", `"double" 'single' \back\slash`, "<&> ]]> <!-- -->",
	"two\nlines\n", "a\ttab",
	"${none} %{a} {{ .template }}", "null", "true", "0x10", "-", "#", "a: b", "*x &y", strings.Repeat("long ", 300),
}

func text(g *generator, _ settings) any { return pick(g, texts...) }

func words(g *generator, _ settings) any {
	list := []string{}
	for range g.IntN(3) {
		list = append(list, pick(g, texts...))
	}
	return list
}

func labels(g *generator, _ settings) any {
	all := settings{}
	for range g.IntN(4) {
		all[pick(g, "team", "a.b/c", "ünï", "two words", "<&>", "${x}")] = pick(g, texts...)
	}
	return all
}
