package digest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// Every form is one that a user can check with a plain tool.
func TestDigestsAreThoseOfTools(t *testing.T) {
	data := imagetest.Random(3 << 20)
	clear(data[1<<20+7 : 2<<20])
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for form, tool := range map[digest.Form][]string{
		digest.SHA256:   {"sha256sum", path},
		digest.FSVerity: {"fsverity", "digest", "--compact", path},
	} {
		whole, passed := form.New(), form.New()
		_, _ = whole.Write(data)
		_, _ = passed.Write(data[:1<<20+7])
		passed.Zeros(1<<20 - 7)
		_, _ = passed.Write(data[2<<20:])
		hex, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(needs.Tool(t, tool...)), "sha256:"), " ")
		want := form.Of(hex)
		if got := whole.Sum(); got != want {
			t.Errorf("%s: got %s, want %s", form, got, want)
		}
		if got := passed.Sum(); got != want {
			t.Errorf("%s: with zeros passed over, got %s, want %s", form, got, want)
		}
	}
}

func TestADigestSaysItsForm(t *testing.T) {
	for _, form := range []digest.Form{digest.FSVerity, digest.SHA256, digest.Current} {
		sum := form.New().Sum()
		if got, err := digest.FormOf(sum); err != nil || got != form {
			t.Errorf("%s is of the form %q, %v, want %q", sum, got, err, form)
		}
		if _, hex, _ := strings.Cut(sum, ":"); len(hex) != 64 || form.Of(hex) != sum {
			t.Errorf("%q is no digest", sum)
		}
	}
	for _, unknown := range []string{"", "ab", "sha512:ab", "blake3:ab"} {
		if form, err := digest.FormOf(unknown); err == nil {
			t.Errorf("%q is of the form %q", unknown, form)
		}
	}
}
