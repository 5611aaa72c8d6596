package metadata

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

func TestFactsAreReadAsWritten(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	facts := Facts{
		Tenant:    "t",
		Name:      "web",
		Template:  "t/ubuntu",
		Version:   "1.0.0",
		Digest:    "sha256:ab",
		Strategy:  "linked_clone",
		Protected: true,
		Labels:    Pairs(map[string]string{"a": "1", "b": " ", "c": "", "d\n": "x\r\n\t", "<": "]]>&amp;<!--"}),
		Parameters: Settings(parameter.Values{"esc": {Type: parameter.TypeText, Text: "\x1b[31m"},
			"mark":  {Type: parameter.TypeString, Text: "base64:eA=="},
			"nul":   {Type: parameter.TypeText, Text: "\x00"},
			"bytes": {Type: parameter.TypeText, Text: "\xff\xfe"},
			"text":  {Type: parameter.TypeText, Text: "a\nb\n"},
			"port":  {Type: parameter.TypeInteger, Text: "80"},
			"open":  nil}),
		Customized: Customized{Digest: "sha256:cd", Pending: true},
		Provision: ProvisionNote{
			Request:     "R",
			RequestedBy: "u",
			Runner:      "h/1",
			Started:     started,
			Deadline:    started.Add(time.Hour),
			Completed:   &started,
		},
	}
	element, err := facts.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(element)
	got.XMLName = facts.XMLName
	if err != nil || !reflect.DeepEqual(got, facts) {
		t.Errorf("got  %+v, %v\nwant %+v\nfrom %s", got, err, facts, element)
	}
}

// Earlier and later releases read these names.
func TestWhoCreatesAnInstanceIsStoredUnderTheSameNames(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	one := noon.Add(time.Hour)
	note := ProvisionNote{Request: "R", RequestedBy: "u", Runner: "h/1", Started: noon, Deadline: one, Completed: &one}
	element, err := Facts{Tenant: "t", Name: "web", Provision: note}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := "<provisioning><request>R</request><requested_by>u</requested_by><runner>h/1</runner>" +
		"<started>2026-03-01T12:00:00Z</started><deadline>2026-03-01T13:00:00Z</deadline>" +
		"<completed>2026-03-01T13:00:00Z</completed></provisioning>"
	if !strings.Contains(element, want) {
		t.Errorf("stored as %s, want it to contain %s", element, want)
	}
	if got, want := note.Lease(), (lease.Lease{Holder: "h/1", Since: noon, Deadline: one}); got != want {
		t.Errorf("its lease is %+v, want %+v", got, want)
	}
}

func TestMetadataOfOthersIsNoInstance(t *testing.T) {
	for _, element := range []string{
		"", "<", "<instance/>", `<instance xmlns="urn:novacron:instance:1"/>`,
		`<instance xmlns="urn:novacron:instance:1"><tenant>t</tenant></instance>`,
		`<instance xmlns="urn:other"><tenant>t</tenant><name>n</name></instance>`,
		`<instance xmlns="urn:novacron:instance:1"><tenant>t</tenant><name>n</name><parameters><parameter ` +
			`name="a">base64:?</parameter></parameters></instance>`,
	} {
		if facts, err := Parse(element); err == nil {
			t.Errorf("%q is read as %+v", element, facts)
		}
	}
}

func FuzzFacts(f *testing.F) {
	f.Add("k", "v")
	f.Add("<&\"'>", "]]>\x00\x1b\r\n\t ")
	f.Add("base64:", "base64:eA==")
	f.Add("\xff", "\ufffe")
	f.Fuzz(func(t *testing.T, key, value string) {
		given := map[string]string{key: value, "other": key}
		element, err := Facts{
			Tenant: "t", Name: "n", Labels: Pairs(given),
			Parameters: Settings(parameter.Values{key: {Type: parameter.TypeText, Text: value}}),
		}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(element)
		if err != nil || !maps.Equal(PairMap(got.Labels), given) || len(got.Parameters) != 1 ||
			*SettingValues(got.Parameters)[key] != (parameter.Value{Type: parameter.TypeText, Text: value}) {
			t.Errorf("wrote %q, read %q and %v, %v", given, PairMap(got.Labels), got.Parameters, err)
		}
		if strings.ContainsFunc(element, notXML) {
			t.Errorf("%q is not XML", element)
		}
	})
}

func FuzzParseFacts(f *testing.F) {
	f.Add(`<instance xmlns="urn:novacron:instance:1"><tenant>t</tenant><name>n</name></instance>`)
	f.Fuzz(func(t *testing.T, element string) {
		facts, err := Parse(element)
		if err != nil {
			return
		}
		if _, err := facts.Marshal(); err != nil {
			t.Errorf("%q is read as %+v, which cannot be written: %v", element, facts, err)
		}
	})
}
