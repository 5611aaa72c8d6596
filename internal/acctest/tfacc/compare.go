package tfacc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/provider"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath/fastpathtest"
)

// compared counts the answers of the fast path that were compared with the framework's, by the type
// of the response.
var compared sync.Map // string to *atomic.Int64

// Compared returns how many responses of a type, such as tfprotov6.ReadResourceResponse, the fast
// path has given in this process. Each was compared with the framework's.
func Compared[Resp any]() int64 {
	n, ok := compared.Load(fmt.Sprintf("%T", new(Resp)))
	if !ok {
		return 0
	}
	return n.(*atomic.Int64).Load()
}

// comparing makes the framework also answer each request that the fast path answers. It fails the
// test if the two answers differ.
func comparing(t testing.TB) fastpath.Option {
	return fastpath.Compare(func(c fastpath.Compared) {
		n, _ := compared.LoadOrStore(fmt.Sprintf("%T", c.Fast), new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
		types, err := typesOf(c.Resource)
		if err != nil {
			t.Errorf("finding the types of %s: %v", c.Resource, err)
			return
		}
		for _, difference := range fastpathtest.Differences(c, types) {
			t.Errorf("The fast path does not answer as the framework does: %s", difference)
		}
	})
}

// typesOf returns the types of a resource's values.
func typesOf(resource string) (fastpathtest.Types, error) {
	s, err := schemas()
	if err != nil {
		return fastpathtest.Types{}, err
	}
	types := fastpathtest.Types{State: s.states[resource].ValueType()}
	if identity := s.identities[resource]; identity != nil {
		types.Identity = identity.ValueType()
	}
	return types, nil
}

type allSchemas struct {
	states     map[string]*tfprotov6.Schema
	identities map[string]*tfprotov6.ResourceIdentitySchema
}

var schemas = sync.OnceValues(func() (all allSchemas, err error) {
	newServer, _, err := provider.NewServer("test")
	if err != nil {
		return all, err
	}
	server := newServer()
	ctx := context.Background()
	states, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return all, err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return all, err
	}
	return allSchemas{states.ResourceSchemas, identities.IdentitySchemas}, nil
})
