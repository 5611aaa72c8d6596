package acctest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// crashes returns a line for each time that the host's libvirtd has ended unasked since the host
// was brought up. tools/testhost/inside.sh writes these lines, and starts libvirtd again.
func (h *Host) crashes(t testing.TB) []string {
	text, err := os.ReadFile(h.crashLog())
	if err != nil && !os.IsNotExist(err) {
		t.Errorf("looking for crashes of libvirtd: %v", err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

func (h *Host) crashLog() string { return filepath.Join(h.Root, "log", "libvirtd-crashes") }

// reportCrashes logs at the end of the test how often libvirtd crashed during it. A crash is a bug
// in libvirt, so it does not fail a test by itself, but it explains why a test failed.
func (h *Host) reportCrashes(t testing.TB) {
	before := len(h.crashes(t))
	t.Cleanup(func() {
		if all := h.crashes(t); len(all) > before {
			t.Logf("libvirtd of test host %s crashed %d times during this test:\n%s",
				h.name, len(all)-before, strings.Join(all[before:], "\n"))
		}
	})
}

// adoptCrashes copies the crashes of a test's own host, which is about to be taken down, to this
// host. The whole run shows this host's crashes at its end.
func (h *Host) adoptCrashes(t testing.TB, own *Host) {
	all := own.crashes(t)
	if len(all) == 0 {
		return
	}
	log, err := os.OpenFile(h.crashLog(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = log.WriteString(own.name + ": " + strings.Join(all, "\n"+own.name+": ") + "\n")
		_ = log.Close()
	}
	if err != nil {
		t.Errorf("noting the crashes of %s: %v", own.name, err)
	}
}
