package fastpath

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
)

// identityOf has the names of the attributes of a resource's identity; none for a resource without
// one. Each must be an attribute of the resource, with the same value there.
func identityOf(r resource.Resource, s schema.Schema) ([]string, error) {
	identified, ok := r.(resource.ResourceWithIdentity)
	if !ok {
		return nil, nil
	}
	var resp resource.IdentitySchemaResponse
	identified.IdentitySchema(context.Background(), resource.IdentitySchemaRequest{}, &resp)
	names := slices.Sorted(maps.Keys(resp.IdentitySchema.Attributes))
	for _, name := range names {
		a, there := s.Attributes[name]
		if !there || !a.GetType().Equal(resp.IdentitySchema.Attributes[name].GetType()) {
			return nil, fmt.Errorf("the identity's %s is no attribute of the resource", name)
		}
	}
	return names, nil
}

// identify returns an identity unchanged if it is the state's, or creates it from the state if
// there is none yet; nil for a resource without one. ok is false if the framework is to answer: the
// state lacks an attribute, or its value differs from the identity's.
func (k known) identify(current *tfprotov6.ResourceIdentityData, state State) (
	_ *tfprotov6.ResourceIdentityData, ok bool,
) {
	if len(k.identity) == 0 {
		return nil, current == nil
	}
	made := make(State, len(k.identity))
	for _, name := range k.identity {
		if state.Null(name) {
			return nil, false
		}
		made[name] = state[name]
	}
	if current != nil && current.IdentityData != nil && !bytes.Equal(current.IdentityData.MsgPack, encodedNull) {
		had, err := Decode(current.IdentityData)
		same := func(a, b msgpack.RawMessage) bool { return bytes.Equal(a, b) }
		return current, err == nil && maps.EqualFunc(had, made, same)
	}
	data, err := made.encode()
	return &tfprotov6.ResourceIdentityData{IdentityData: &tfprotov6.DynamicValue{MsgPack: data}}, err == nil
}

// plannedIdentity is the identity of a plan that changes nothing: the identity from before. A
// Terraform that does not support identities has none, and neither do states from before them,
// which the framework plans as null.
func (k known) plannedIdentity(prior *tfprotov6.ResourceIdentityData) (_ *tfprotov6.ResourceIdentityData, ok bool) {
	switch {
	case len(k.identity) == 0:
		return nil, prior == nil
	case prior == nil:
		return &tfprotov6.ResourceIdentityData{IdentityData: &tfprotov6.DynamicValue{MsgPack: encodedNull}}, true
	}
	return prior, true
}
