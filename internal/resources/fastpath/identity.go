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

// identityOf returns the names of the attributes that form a resource's identity, or none if the
// resource has no identity. Each must also be an attribute of the resource, with the same type and
// value.
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

// identify returns the current identity unchanged if it matches the state, or creates one from the
// state if there is none yet. It returns nil for a resource without an identity. ok is false if the
// framework has to answer, because the state lacks an attribute of the identity or has another
// value for it.
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

// plannedIdentity returns the identity for a plan that changes nothing, which is the prior one.
// There is none if Terraform does not support identities, or if the state is older than them. The
// framework plans those identities as null.
func (k known) plannedIdentity(prior *tfprotov6.ResourceIdentityData) (_ *tfprotov6.ResourceIdentityData, ok bool) {
	switch {
	case len(k.identity) == 0:
		return nil, prior == nil
	case prior == nil:
		return &tfprotov6.ResourceIdentityData{IdentityData: &tfprotov6.DynamicValue{MsgPack: encodedNull}}, true
	}
	return prior, true
}
