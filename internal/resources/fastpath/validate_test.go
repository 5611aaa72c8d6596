package fastpath

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Alone implements Resource: a lamp's name is validated independently.
func (lamp) Alone() map[string]func(context.Context, State) bool {
	return map[string]func(context.Context, State) bool{"name": func(_ context.Context, config State) bool {
		name, ok := config.Text("name")
		return ok && name != "bad"
	}}
}

// NothingToPlan implements Resource.
func (lamp) NothingToPlan(state State) bool { name, _ := state.Text("name"); return name != "restless" }

// judge is a framework that rejects red lamps.
type judge struct {
	Protocol
	asked int
}

func (j *judge) ValidateResourceConfig(
	_ context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	j.asked++
	resp := &tfprotov6.ValidateResourceConfigResponse{}
	config, err := Decode(req.Config)
	if color, ok := config.Text("color"); err != nil || ok && color == "red" {
		resp.Diagnostics = []*tfprotov6.Diagnostic{{Summary: "Red light"}}
	}
	return resp, nil
}

func TestConfigurationsWithMuchInCommonAreValidatedOnce(t *testing.T) {
	type config struct {
		name, color any
		of          string
	}
	named := func(name any) config { return config{name: name, of: "lamp"} }
	red := config{"desk", "red", "lamp"}
	able := &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true}
	for name, c := range map[string]struct {
		configs []config
		last    *tfprotov6.ValidateResourceConfigClientCapabilities // of the last request
		asked   int
	}{
		"other names":             {[]config{named("a"), named("b"), named("c")}, nil, 1},
		"a name that is wrong":    {[]config{named("a"), named("bad")}, nil, 2},
		"a name not known yet":    {[]config{named("a"), named(tftypes.UnknownValue)}, nil, 2},
		"no name":                 {[]config{named("a"), named(nil)}, nil, 2},
		"another color":           {[]config{named("a"), {"b", "white", "lamp"}, {"c", "white", "lamp"}}, nil, 2},
		"what is wrong":           {[]config{red, red, red}, nil, 3},
		"wrong after right":       {[]config{named("desk"), red}, nil, 2},
		"another Terraform":       {[]config{named("a"), named("b")}, able, 2},
		"a type that is not ours": {[]config{{"a", nil, "chair"}, {"a", nil, "chair"}}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			j := &judge{}
			s, err := Wrap(j, map[string]func() Resource{"lamp": func() Resource { return lamp{} }})
			if err != nil {
				t.Fatal(err)
			}
			for n, config := range c.configs {
				req := &tfprotov6.ValidateResourceConfigRequest{
					TypeName: config.of, Config: namedLamp(t, config.name, config.color),
				}
				if n == len(c.configs)-1 {
					req.ClientCapabilities = c.last
				}
				resp, err := s.ValidateResourceConfig(t.Context(), req)
				if err != nil || (len(resp.Diagnostics) > 0) != (config.color == "red") {
					t.Errorf("%v was found %v (%v)", config, resp, err)
				}
			}
			if j.asked != c.asked {
				t.Errorf("the framework was asked %d times, want %d", j.asked, c.asked)
			}
		})
	}
}
