package provider

import (
	"context"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
)

// standInServer lets reads and plans use older revisions of documents whose newest one is damaged,
// and warns of each in the answer to the first call that did. Applying may not: it would lose or
// freeze what the damaged revision had.
type standInServer struct {
	fastpath.Protocol

	mu   sync.Mutex
	told map[string]bool // by the names of the damaged revisions
}

func newStandInServer(of fastpath.Protocol) *standInServer {
	return &standInServer{Protocol: of, told: map[string]bool{}}
}

// warnings are those that were in no answer before.
func (s *standInServer) warnings(of *catalog.StandIns) (fresh []*tfprotov6.Diagnostic) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range of.All() {
		if !s.told[in.Damaged] {
			s.told[in.Damaged] = true
			fresh = append(fresh, &tfprotov6.Diagnostic{
				Severity: tfprotov6.DiagnosticSeverityWarning, Summary: "Catalog is damaged", Detail: in.Detail,
			})
		}
	}
	return fresh
}

// noting answers a call, and adds the warnings to the diagnostics of the answer.
func noting[Req, Resp any](ctx context.Context, s *standInServer, req *Req,
	call func(context.Context, *Req) (*Resp, error),
	diagnostics func(*Resp) *[]*tfprotov6.Diagnostic,
) (*Resp, error) {
	var found catalog.StandIns
	resp, err := call(catalog.WithStandIns(ctx, &found), req)
	if err == nil && resp != nil {
		all := diagnostics(resp)
		*all = append(*all, s.warnings(&found)...)
	}
	return resp, err
}

func (s *standInServer) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return noting(ctx, s, req, s.Protocol.ReadResource,
		func(r *tfprotov6.ReadResourceResponse) *[]*tfprotov6.Diagnostic { return &r.Diagnostics })
}

func (s *standInServer) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	return noting(ctx, s, req, s.Protocol.PlanResourceChange,
		func(r *tfprotov6.PlanResourceChangeResponse) *[]*tfprotov6.Diagnostic { return &r.Diagnostics })
}

func (s *standInServer) ImportResourceState(
	ctx context.Context, req *tfprotov6.ImportResourceStateRequest,
) (*tfprotov6.ImportResourceStateResponse, error) {
	return noting(ctx, s, req, s.Protocol.ImportResourceState,
		func(r *tfprotov6.ImportResourceStateResponse) *[]*tfprotov6.Diagnostic { return &r.Diagnostics })
}

func (s *standInServer) ReadDataSource(
	ctx context.Context, req *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	return noting(ctx, s, req, s.Protocol.ReadDataSource,
		func(r *tfprotov6.ReadDataSourceResponse) *[]*tfprotov6.Diagnostic { return &r.Diagnostics })
}
