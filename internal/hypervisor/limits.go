package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// MaxDefinition is how many bytes a domain's definition may have: libvirt's protocol takes strings of 4 MiB (REMOTE_STRING_MAX
// in src/remote/remote_protocol.x), there and back, and libvirt adds what it fills in. A domain whose definition fits into a
// request, but not into an answer, could be defined and never be read.
const MaxDefinition = 4<<20 - 64<<10

// ErrTooLarge says that the host's protocol has no room for it. Nothing was sent.
var ErrTooLarge = errors.New("too large for libvirt")

// AnswerSize is how many bytes XML that Go's encoder has written takes in libvirt's
// answers, which name quotes: &quot; and &apos; for &#34; and &#39;.
func AnswerSize(text string) int {
	return len(text) + strings.Count(text, "&#34;") + strings.Count(text, "&#39;")
}

// defineXML defines a domain, unless its definition is longer than MaxDefinition.
func (h *Host) defineXML(ctx context.Context, op, object, text string, flags libvirt.DomainDefineFlags) (libvirt.Domain, error) {
	if size := AnswerSize(text); size > MaxDefinition {
		return libvirt.Domain{}, virterr.Fail(op, object, fmt.Errorf("%w: its definition with the metadata has %d bytes, and %d is the most", ErrTooLarge, size, MaxDefinition))
	}
	return rpc.Tell(ctx, h.Client, op, object, func(l *libvirt.Libvirt) (libvirt.Domain, error) {
		return l.DomainDefineXMLFlags(text, flags)
	})
}
