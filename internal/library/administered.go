package library

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Administered are documents of one kind that only the administrator of a catalog changes, by their names.
type Administered[T any] struct {
	Documents catalog.Collection[T] // nil for a user who is not the administrator
	Library   *Library              // of the catalog, whose pool may be one that the first apply creates
	Denied    error                 // what such a user gets
}

// Allowed returns Denied for a user who is not the administrator.
func (a Administered[T]) Allowed() error {
	if a.Documents == nil {
		return a.Denied
	}
	return nil
}

// Open makes sure that the catalog can be read and written.
func (a Administered[T]) Open(ctx context.Context) error {
	if err := a.Allowed(); err != nil || !a.Library.InPool() {
		return err
	}
	return a.Library.Images.Open(ctx)
}

// Get reads a document. It returns catalog.ErrNotFound if there is none.
func (a Administered[T]) Get(ctx context.Context, name string) (value T, err error) {
	if err := a.Open(ctx); err != nil {
		return value, err
	}
	rec, err := a.Documents.Get(ctx, name)
	return rec.Value, err
}

// Vacant returns taken if there is a document of the name. It makes no catalog where there is none yet.
func (a Administered[T]) Vacant(ctx context.Context, name string, taken error) error {
	if err := a.Allowed(); err != nil {
		return err
	}
	if there, err := a.Library.HasCatalog(ctx); !there {
		return err
	}
	_, err := a.Get(ctx, name)
	switch {
	case err == nil:
		return taken
	case errors.Is(err, catalog.ErrNotFound):
		return nil
	}
	return err
}
