package fastpath

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
)

// ValidateResourceConfig answers that a configuration is valid if it differs from an earlier valid
// one only in attributes that are validated independently. For example, the instances of one
// resource with count differ in their names and parameters and share the rest.
func (s *Server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (
	*tfprotov6.ValidateResourceConfigResponse, error,
) {
	k, ok := s.known(req.TypeName)
	if !ok {
		return s.Protocol.ValidateResourceConfig(ctx, req)
	}
	rest, alone := k.common(ctx, req)
	if alone {
		if _, valid := s.valid.Load(rest); valid {
			resp := &tfprotov6.ValidateResourceConfigResponse{}
			return answer(ctx, s, req.TypeName, req, resp, s.Protocol.ValidateResourceConfig), nil
		}
	}
	resp, err := s.Protocol.ValidateResourceConfig(ctx, req)
	if alone && err == nil && len(resp.Diagnostics) == 0 {
		s.valid.Store(rest, struct{}{})
	}
	return resp, err
}

// common returns a key of what a configuration may share with others. alone is false if the rest of
// the configuration, the independent attributes, may be invalid.
func (k known) common(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (
	rest [sha256.Size]byte, alone bool,
) {
	config, err := Decode(req.Config)
	if err != nil {
		return rest, false
	}
	for name, valid := range k.alone {
		if !valid(ctx, config) {
			return rest, false
		}
		delete(config, name)
	}
	var text bytes.Buffer
	write := msgpack.NewEncoder(&text)
	for _, name := range slices.Sorted(maps.Keys(config)) {
		if err := write.EncodeMulti(name, []byte(config[name])); err != nil {
			return rest, false
		}
	}
	// Terraform's capabilities are part of the key: they decide what is reported about attributes
	// that not every version of Terraform supports.
	if err := write.EncodeMulti(req.TypeName, req.ClientCapabilities); err != nil {
		return rest, false
	}
	return sha256.Sum256(text.Bytes()), true
}
