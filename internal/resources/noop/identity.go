package noop

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
)

// identityOf are the names of the attributes of a resource's identity; none for one without. Here each must be an attribute
// of the resource, and the same there.
func identityOf(r resource.Resource, s schema.Schema) ([]string, error) {
	identified, ok := r.(resource.ResourceWithIdentity)
	if !ok {
		return nil, nil
	}
	var resp resource.IdentitySchemaResponse
	identified.IdentitySchema(context.Background(), resource.IdentitySchemaRequest{}, &resp)
	names := slices.Sorted(maps.Keys(resp.IdentitySchema.Attributes))
	for _, name := range names {
		if a, there := s.Attributes[name]; !there || !a.GetType().Equal(resp.IdentitySchema.Attributes[name].GetType()) {
			return nil, fmt.Errorf("the identity's %s is no attribute of the resource", name)
		}
	}
	return names, nil
}

// identify gives an identity back, or makes it of the state where there is none yet; nil for a resource without.
func (k known) identify(current *tfprotov6.ResourceIdentityData, state State) *tfprotov6.ResourceIdentityData {
	if len(k.identity) == 0 {
		return nil
	}
	if current != nil {
		if _, err := Decode(current.IdentityData); err == nil {
			return current
		}
	}
	made := make(State, len(k.identity))
	for _, name := range k.identity {
		if state.Null(name) {
			return nil
		}
		made[name] = state[name]
	}
	data, err := msgpack.Marshal(made)
	if err != nil {
		return nil
	}
	return &tfprotov6.ResourceIdentityData{IdentityData: &tfprotov6.DynamicValue{MsgPack: data}}
}
