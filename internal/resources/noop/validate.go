package noop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
)

// ValidateResourceConfig finds nothing where a configuration was valid that differs in nothing but what is valid by
// itself: the instances of one resource have their names and parameters, and the rest in common.
func (s *Server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	r, ok := s.resources[req.TypeName]
	if !ok {
		return s.ProviderServer.ValidateResourceConfig(ctx, req)
	}
	rest, alone := r.common(ctx, req)
	if alone {
		if _, valid := s.valid.Load(rest); valid {
			return &tfprotov6.ValidateResourceConfigResponse{}, nil
		}
	}
	resp, err := s.ProviderServer.ValidateResourceConfig(ctx, req)
	if alone && err == nil && len(resp.Diagnostics) == 0 {
		s.valid.Store(rest, struct{}{})
	}
	return resp, err
}

// common identifies what a configuration may have in common with others, and whether all else is valid by itself.
func (k known) common(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (rest [sha256.Size]byte, alone bool) {
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
	// What Terraform can do decides what is said of attributes that not every version of it knows.
	if err := write.EncodeMulti(req.TypeName, req.ClientCapabilities); err != nil {
		return rest, false
	}
	return sha256.Sum256(text.Bytes()), true
}
