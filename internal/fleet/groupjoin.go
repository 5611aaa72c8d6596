package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// GroupRefusal says that an instance cannot be in a strict group where it is. It wraps a catalog.GroupError.
type GroupRefusal struct {
	instance, host string
	*catalog.GroupError
}

func (e *GroupRefusal) Error() string { return e.finding().Error() }

// Unwrap returns the catalog's error.
func (e *GroupRefusal) Unwrap() error { return e.GroupError }

// As lets errors.As find the finding.List that the error is: it belongs to an attribute.
func (e *GroupRefusal) As(target any) bool {
	list, ok := target.(*finding.List)
	if ok {
		*list = finding.List{e.finding()}
	}
	return ok
}

func (e *GroupRefusal) finding() finding.Finding {
	return finding.Finding{
		Path: finding.At("placement").Name("group"), Summary: "Instances of a strict group are together",
		Detail: fmt.Sprintf("Instance %q is on host %s and cannot be in the strict group %q there: %s. Move one of "+
			"them first, by its placement.hosts or placement.require, or replace it.", e.instance, e.host, e.Group,
			e.Why()),
	}
}

// record is note, also for an instance that is where its strict group does not allow it: then the placement
// claims nothing. edit writes what it claims otherwise.
func (f *Fleet) record(ctx context.Context, i kind.Instance, on *Member, edit func(*catalog.Placement)) error {
	err := f.note(ctx, i, on, edit)
	if _, clash := clashes(err); clash {
		err = f.note(ctx, i, on, func(p *catalog.Placement) { edit(p); p.Value = "" })
	}
	return err
}

// joined is note for an instance that joins the group of a Where. It returns a GroupRefusal if it cannot where it
// is.
func (f *Fleet) joined(w Where) func(context.Context, kind.Instance, *Member, func(*catalog.Placement)) error {
	return func(ctx context.Context, i kind.Instance, on *Member, edit func(*catalog.Placement)) error {
		if now, err := f.beside(ctx, i.Facts.Name, w, f.listed, nil); err != nil {
			return err
		} else if held := f.holder(now, on); held != nil && !f.makeRoom(ctx, now) {
			return &GroupRefusal{i.Facts.Name, on.Name, held}
		}
		err := f.note(ctx, i, on, edit)
		if clash, is := errors.AsType[*catalog.GroupError](err); is {
			return &GroupRefusal{i.Facts.Name, on.Name, clash}
		}
		return err
	}
}
