package fastpath

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
)

// State is the state of a resource: its attributes, each in Terraform's encoding.
type State map[string]msgpack.RawMessage

// encodedNull is null in MessagePack.
var encodedNull = []byte{0xc0}

var errNoObject = errors.New("not an object in MessagePack")

// Decode splits a state into its attributes, which share its memory. It returns an error if the
// resource does not exist (null).
func Decode(v *tfprotov6.DynamicValue) (State, error) {
	if v == nil || len(v.MsgPack) == 0 {
		return nil, errNoObject
	}
	left := bytes.NewReader(v.MsgPack)
	read := msgpack.NewDecoder(left)
	n, err := read.DecodeMapLen()
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, errNoObject
	}
	s := make(State, n)
	for range n {
		name, err := read.DecodeString()
		if err != nil {
			return nil, err
		}
		from := len(v.MsgPack) - left.Len()
		if err := read.Skip(); err != nil {
			return nil, err
		}
		s[name] = v.MsgPack[from : len(v.MsgPack)-left.Len()]
		if bytes.Equal(s[name], encodedNull) {
			s[name] = nil
		}
	}
	return s, nil
}

// encode writes the attributes sorted by name, as tfprotov6 does.
func (s State) encode() ([]byte, error) {
	var data bytes.Buffer
	write := msgpack.NewEncoder(&data)
	if err := write.EncodeMapLen(len(s)); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if err := write.EncodeMulti(name, s[name]); err != nil {
			return nil, err
		}
	}
	return data.Bytes(), nil
}

// Dynamic returns an attribute of any type in Terraform's types. The second result is false if the
// attribute cannot be read.
func (s State) Dynamic(ctx context.Context, name string) (types.Dynamic, bool) {
	if s.Null(name) {
		return types.DynamicNull(), true
	}
	v, err := tfprotov6.DynamicValue{MsgPack: s[name]}.Unmarshal(tftypes.DynamicPseudoType)
	if err != nil {
		return types.DynamicNull(), false
	}
	value, err := types.DynamicType.ValueFromTerraform(ctx, v)
	if err != nil {
		return types.DynamicNull(), false
	}
	d, ok := value.(types.Dynamic)
	return d, ok
}

// Null reports whether an attribute is null. Decode drops nulls.
func (s State) Null(name string) bool { return len(s[name]) == 0 }

// Text returns an attribute of type string. The second result is false if it is not a string.
func (s State) Text(name string) (string, bool) {
	var text string
	err := msgpack.Unmarshal(s[name], &text)
	return text, err == nil && !s.Null(name)
}

// Has reports whether an attribute has that value.
func (s State) Has(ctx context.Context, name string, value attr.Value) bool {
	v, err := value.ToTerraformValue(ctx)
	return err == nil && s.equals(name, constant{value.Type(ctx).TerraformType(ctx), v})
}

// constant is a value to compare attributes with. The comparison does not use the encoded bytes,
// because maps are encoded in any order.
type constant struct {
	of    tftypes.Type // the attribute's, which may be dynamic
	value tftypes.Value
}

func (s State) equals(name string, c constant) bool {
	if s.Null(name) {
		return c.value.IsNull()
	}
	v, err := tfprotov6.DynamicValue{MsgPack: s[name]}.Unmarshal(c.of)
	return err == nil && v.Equal(c.value)
}

// Private is the private state of a resource: JSON by key.
type Private map[string][]byte

// decodePrivate reads private state as the framework writes it (Data.Bytes in its
// internal/privatestate). ok is false if the framework would not write back the same: it refuses
// values that are not JSON, drops empty ones, and keeps keys of its own, which start with a dot and
// control it.
func decodePrivate(data []byte) (p Private, ok bool) {
	if len(data) == 0 {
		return nil, true
	}
	if json.Unmarshal(data, &p) != nil || len(p) == 0 {
		return nil, false
	}
	for key, value := range p {
		if strings.HasPrefix(key, ".") || !utf8.Valid(value) || !json.Valid(value) {
			return nil, false
		}
	}
	again, err := json.Marshal(map[string][]byte(p))
	return p, err == nil && bytes.Equal(again, data)
}
