package face

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// Path returns a finding's path in Terraform's form.
func Path(p finding.Path) path.Path {
	if len(p) == 0 {
		return path.Empty()
	}
	tf := path.Root(p[0].Name)
	for _, step := range p[1:] {
		if step.Key {
			tf = tf.AtMapKey(step.Name)
		} else {
			tf = tf.AtName(step.Name)
		}
	}
	return tf
}

// AddFindings reports findings, each at its attribute.
func AddFindings(diags *diag.Diagnostics, findings finding.List) {
	for _, f := range findings {
		at, detail := located(f)
		diags.AddAttributeError(at, f.Summary, detail)
	}
}

// WarnUnrecorded warns that the catalog lacks the record of a request, or lacks its end.
func WarnUnrecorded(diags *diag.Diagnostics, record provision.Record) {
	if record.Unrecorded != nil {
		diags.AddWarning("Could not record request", "The result of request "+record.RequestID+
			" could not be written to "+
			"the catalog, so novacron_provisioning_requests does not list it, or does not show how it ended. The "+
			"instance is not affected. "+finding.Sentence(record.Unrecorded))
	}
}

// AddWarning reports something that is not a mistake but that a user should know before the apply.
// It ignores the zero finding.
func AddWarning(diags *diag.Diagnostics, f finding.Finding) {
	if f.Summary == "" {
		return
	}
	at, detail := located(f)
	diags.AddAttributeWarning(at, f.Summary, detail)
}

func located(f finding.Finding) (path.Path, string) {
	at, detail := findable(f.Path), f.Detail
	if len(at) < len(f.Path) {
		detail = f.Path.String() + ": " + detail
	}
	return Path(at), detail
}

// findable returns the part of a path whose line Terraform can find: a top-level attribute, and a
// key in it. For anything deeper, Terraform points at the head of the whole resource
// (attributeDiagnostic in its internal/tfdiags/contextual.go).
func findable(p finding.Path) finding.Path {
	if len(p) > 1 && p[1].Key {
		return p[:2]
	}
	return p[:min(len(p), 1)]
}

// AddUnsure reports an error of planning. It is a warning if an earlier step of the same apply may
// correct it.
func AddUnsure(diags *diag.Diagnostics, summary string, err error) {
	var unless string
	if _, taken := errors.AsType[*planning.TakenError](err); taken {
		unless = " Unless it is removed first, the apply is refused."
	} else if _, missing := errors.AsType[*volumes.MissingPoolError](err); missing {
		unless = " Unless the same apply creates it first, the apply is refused."
	}
	findings, _ := errors.AsType[finding.List](err)
	if unless == "" {
		AddError(diags, summary, err)
		return
	}
	for _, f := range findings {
		f.Detail += unless
		AddWarning(diags, f)
	}
}

// AddTimedError is AddError for an operation with a time limit from the timeouts block, which is
// ctx's deadline. If the limit ended the operation, the error says so.
func AddTimedError(ctx context.Context, diags *diag.Diagnostics, summary string, err error) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, context.DeadlineExceeded) {
		err = &timedOutError{err}
	}
	AddError(diags, summary, err)
}

// WarnError is AddTimedError for what fails beside an operation that does not fail by it: the
// errors become warnings at an attribute. The apply goes on.
func WarnError(ctx context.Context, diags *diag.Diagnostics, at path.Path, summary string, err error) {
	var errs diag.Diagnostics
	AddTimedError(ctx, &errs, summary, err)
	for _, d := range errs {
		diags.AddAttributeWarning(at, d.Summary(), d.Detail())
	}
}

// timedOutError is an error that the end of the user's time limit caused.
type timedOutError struct{ error }

func (e *timedOutError) Unwrap() error { return e.error }

// namesHost reports whether an error is about a host that the provider's configuration names.
func namesHost(err error) bool {
	_, one := errors.AsType[*fleet.HostError](err)
	_, some := errors.AsType[*fleet.SilentError](err)
	return one || some
}

// AddError reports an error of the core, at the attribute to blame if the error names one.
func AddError(diags *diag.Diagnostics, summary string, err error) {
	if err == nil {
		return
	}
	if findings, ok := errors.AsType[finding.List](err); ok {
		AddFindings(diags, findings)
		return
	}
	detail := strings.ToValidUTF8(finding.Sentence(err), "\uFFFD") // file names are not always UTF-8
	_, timedOut := errors.AsType[*timedOutError](err)
	if timedOut {
		detail += "\n\nThe timeouts block sets how long it may take."
	}
	switch {
	case errors.Is(err, provision.ErrNoAnswer):
		detail += "\n\nThe host is reachable, but slow or stuck: check whether libvirt answers `virsh list` " +
			"there. The next apply takes over or clears away what the host carries out late."
	case errors.Is(err, provision.ErrUnreachable):
		detail += "\n\nCheck the provider's uri (or NOVACRON_URI), or the host's uri among its hosts, and that " +
			"libvirt runs there and lets you in."
		if namesHost(err) {
			detail += " If the machine is off for good, its administrator says so by a novacron_host with state = " +
				"\"lost\": then nothing asks it any more."
		}
	}
	var source interface{ Attribute() string }
	if errors.As(err, &source) && source.Attribute() != "" {
		diags.AddAttributeError(path.Root("source").AtName(source.Attribute()), summary, detail)
		return
	}
	diags.AddError(summary, detail)
}
