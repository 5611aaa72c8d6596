package face

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// What fails beside an operation is a warning, which says as much as an error would.
func TestErrorsBecomeWarnings(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Time{})
	defer cancel()
	at := path.Root("warm")
	for err, want := range map[error]diag.Diagnostics{
		nil: nil,
		errors.New("the guest is off"): {
			diag.NewAttributeWarningDiagnostic(at, "Not made", "The guest is off."),
		},
		fmt.Errorf("booting: %w", context.DeadlineExceeded): {diag.NewAttributeWarningDiagnostic(at, "Not made",
			"Booting: the time ran out.\n\nThe timeouts block sets how long it may take.")},
	} {
		var diags diag.Diagnostics
		WarnError(ctx, &diags, at, "Not made", err)
		if !diags.Equal(want) {
			t.Errorf("%v becomes %v, want %v", err, diags, want)
		}
	}
}
