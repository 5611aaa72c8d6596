package provision

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// A domain that a list lacks is reported in UTF-8, since Terraform takes nothing else.
func TestWhatAListLacksIsToldInUTF8(t *testing.T) {
	u := host.Undescribed{Name: "shop.web", Err: errors.New("caf\xe9.iso")}
	if got := notListed(u); !utf8.ValidString(got) || !strings.Contains(got, "caf\uFFFD.iso") {
		t.Errorf("it says %q", got)
	}
}
