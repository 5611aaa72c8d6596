package random_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// compareWithTwins compares changed objects with those created with the same settings: in
// Terraform's state, in the domain's definition, and in the volumes.
func compareWithTwins(t *testing.T, host *acctest.Host, pool string, space *tfacc.Workspace, c configuration) {
	t.Helper()
	states := stateOf(t, space)
	volumes := host.Virsh(t, "vol-list", pool, "--details")
	differ := func(what, label, changed, created string) {
		if changed != created {
			t.Errorf("%s of %s was changed to\n%s\nand is created as\n%s", what, label, changed, created)
		}
	}
	compare := func(address, name string) {
		differ("state", address, states.of(t, address, name), states.of(t, address+twin, name+twin))
	}
	for _, label := range slices.Sorted(maps.Keys(c.templates)) {
		if label != shop {
			compare("novacron_template."+label, c.templates[label]["name"].(string))
		}
	}
	for _, label := range slices.Sorted(maps.Keys(c.instances)) {
		name := c.instances[label]["name"].(string)
		compare("novacron_instance."+label, name)
		differ("definition", label, definition(t, host, name), definition(t, host, name+twin))
		differ("volumes", label, volumesOf(volumes, name), volumesOf(volumes, name+twin))
	}
}

// state is what Terraform knows of each resource, by address.
type state map[string]map[string]any

func stateOf(t *testing.T, space *tfacc.Workspace) state {
	t.Helper()
	out, err := space.Run(t.Context(), "show", "-json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var shown struct {
		Values struct {
			Root struct {
				Resources []struct {
					Address string         `json:"address"`
					Values  map[string]any `json:"values"`
				} `json:"resources"`
			} `json:"root_module"`
		} `json:"values"`
	}
	if err := json.Unmarshal([]byte(out[strings.IndexByte(out, '{'):]), &shown); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := state{}
	for _, r := range shown.Values.Root.Resources {
		all[r.Address] = r.Values
	}
	return all
}

// of is a resource's state, without what two resources with the same settings do not share.
func (s state) of(t *testing.T, address, name string) string {
	t.Helper()
	values := maps.Clone(s[address])
	if values == nil {
		t.Fatalf("Terraform has no %s", address)
	}
	for _, own := range []string{"id", "provisioning", "created_at", "updated_at", "published_at"} {
		delete(values, own)
	}
	addresses, _ := values["mac_addresses"].(map[string]any)
	for card := range addresses {
		addresses[card] = "MAC"
	}
	if profile, ok := values["network_profile"].(map[string]any); ok {
		for _, card := range profile["interfaces"].(map[string]any) {
			delete(card.(map[string]any), "mac_address")
		}
	}
	text, err := json.MarshalIndent(values, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), name, "NAME")
}

// element is a part of a definition.
type element struct {
	name       string
	attributes []string // sorted
	text       string
	inner      []element
}

// own are the elements of a definition, each by its parent element and its own name, that two
// machines do not share, or that record how a machine became what it is.
var own = map[string]bool{
	"domain/uuid":           true,
	"os/nvram":              true,
	"interface/mac":         true,
	"instance/provisioning": true,
	"instance/shape":        true,
	"storage/pool":          true,
	"devices/controller":    true,
	"disk/address":          true,
	"interface/address":     true,
	"memballoon/address":    true,
	"rng/address":           true,
	"channel/address":       true,
}

// definition is a domain's definition, with its devices in a fixed order.
func definition(t *testing.T, host *acctest.Host, domain string) string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(host.Virsh(t, "dumpxml", "--inactive", domain)))
	var root element
	if err := root.read(decoder); err != nil {
		t.Fatalf("the definition of %s: %v", domain, err)
	}
	text := strings.ReplaceAll(root.String(), domain, "NAME")
	text = reimaged.ReplaceAllString(text, ".system.qcow2")
	return regexp.MustCompile(`52:54:00(:[0-9a-f]{2}){3}`).ReplaceAllString(text, "MAC")
}

// reimaged is the name of a system disk that has replaced the first one.
var reimaged = regexp.MustCompile(`\.system\.\d+\.\d+\.\d+\.qcow2`)

func (e *element) read(decoder *xml.Decoder) error {
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			inner := element{name: token.Name.Local}
			for _, a := range token.Attr {
				if where := inner.name + "." + a.Name.Local; where != "target.dev" { // the next letter that was free
					inner.attributes = append(inner.attributes, fmt.Sprintf(" %s=%q", a.Name.Local, a.Value))
				}
			}
			slices.Sort(inner.attributes)
			if err := inner.read(decoder); err != nil {
				return err
			}
			if !own[e.name+"/"+inner.name] {
				e.inner = append(e.inner, inner)
			}
		case xml.CharData:
			e.text += string(token)
		case xml.EndElement:
			return nil
		}
	}
}

func (e element) String() string {
	var inner []string
	for _, i := range e.inner {
		inner = append(inner, i.String())
	}
	slices.Sort(inner)
	text := e.text
	if len(inner) > 0 {
		text = "\n" + strings.Join(inner, "")
	}
	return fmt.Sprintf("<%s%s>%s\n", e.name, strings.Join(e.attributes, ""), text)
}

// volumesOf lists the volumes of an instance, with their kinds and sizes.
func volumesOf(details, instance string) string {
	var lines []string
	for line := range strings.Lines(details) {
		columns := strings.Fields(line) // name, path, type, capacity, its unit, allocation
		if len(columns) > 4 && strings.Contains(columns[0], "."+instance+".") &&
			!strings.HasPrefix(columns[0], "nova.console.") {
			name := reimaged.ReplaceAllString(strings.ReplaceAll(columns[0], instance, "NAME"), ".system.qcow2")
			lines = append(lines, fmt.Sprintln(name, columns[2:5]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
