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

// ValidateResourceConfig reports nothing wrong with a configuration if an earlier valid one differs
// only in attributes that are validated independently: the instances of one resource have their own
// names and parameters, and the rest in common.
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

// common is a key of what a configuration may have in common with others; alone is false if
// anything else in it is invalid.
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
	// Terraform's capabilities decide what is reported about attributes that not every version of it
	// knows.
	if err := write.EncodeMulti(req.TypeName, req.ClientCapabilities); err != nil {
		return rest, false
	}
	return sha256.Sum256(text.Bytes()), true
}
