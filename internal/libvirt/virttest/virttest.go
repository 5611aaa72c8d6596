// Package virttest has helpers for tests of the packages that talk to libvirt.
package virttest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// URI returns the test host's URI. Tests that need a host are skipped without TF_ACC=1, and fail if
// that is set but no host is named.
func URI(t testing.TB) string {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("needs a libvirt host: set TF_ACC=1 and NOVACRON_URI")
	}
	uri := os.Getenv("NOVACRON_URI")
	if uri == "" {
		t.Fatal("TF_ACC is set, but NOVACRON_URI names no host")
	}
	return uri
}

// Socket returns the socket of the test host's libvirtd.
func Socket(t testing.TB) string {
	t.Helper()
	return must.Get[*url.URL](t)(url.Parse(URI(t))).Query().Get("socket")
}

// OpenDir returns a directory that, unlike t.TempDir, the hypervisor's user can enter.
func OpenDir(t testing.TB) string {
	t.Helper()
	dir := must.Get[string](t)(os.MkdirTemp("", "virttest"))
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Unique returns a name that nothing on the host has yet.
func Unique(what string) string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return "virttest-" + what + "-" + hex.EncodeToString(b[:])
}

// WantErr fails the test unless err is a *host.Error of the kind.
func WantErr(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want an error that is %q", err, kind)
	}
	if err != nil && !errors.As(err, new(*host.Error)) {
		t.Errorf("%v (%T) does not say what was being done", err, err)
	}
}

// Differ says how two values print differently, field by field.
func Differ(got, want any) string {
	g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want)
	if g == w {
		return ""
	}
	return "got  " + g + "\nwant " + w
}
