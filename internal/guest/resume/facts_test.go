package resume

import "testing"

func FuzzFacts(f *testing.F) {
	for _, text := range []string{
		clouded.String(), Facts{Version: sealing, Reseed: "novacron-reseed"}.String(),
		`{"version":1,"reseed":"perl","cloud_init":"24.1~1+deb","preloaded":true,"fqdn":true,` +
			`"not_plain":"it lacks useradd, passwd"}`,
		`{"version":2,"reseed":"perl"}`, `{"version":1,"reseed":"'; reboot"}`,
		`{"version":1,"reseed":"perl","cloud_init":"$(x)"}`,
		`{"version":1,"reseed":"perl","more":1}`, `{}`, `[]`, "", "\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		facts, err := ParseFacts(text)
		if err != nil {
			if facts != (Facts{}) {
				t.Errorf("%q: %+v, with %v", text, facts, err)
			}
			return
		}
		again, err := ParseFacts(facts.String())
		if err != nil || again != facts {
			t.Errorf("%q: %+v is read again as %+v, %v", text, facts, again, err)
		}
	})
}

func TestHostNamesAreCutAsTheDistributionDoes(t *testing.T) {
	fqdn := clouded
	fqdn.FQDN = true
	for _, c := range []struct {
		facts      Facts
		name, want string
	}{
		{clouded, "web.example.com", "web"}, {clouded, "web", "web"}, {fqdn, "web.example.com", "web.example.com"},
		{Facts{}, "web.example.com", "web.example.com"},
	} {
		if got := c.facts.hostname(c.name); got != c.want {
			t.Errorf("%s of %+v becomes %s, want %s", c.name, c.facts, got, c.want)
		}
	}
}
