package readiness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// fakeVolumes are files of a pool. Those that are created without libvirt's knowledge are seen
// after a refresh.
type fakeVolumes struct {
	known, files map[string]string
	most         int64 // the longest read
	bytes        int   // that were read in all
	refresh      error // of the next refresh
}

func (f *fakeVolumes) Volume(_ context.Context, _, name string) (host.Volume, error) {
	if _, known := f.known[name]; !known {
		return host.Volume{}, fmt.Errorf("%s: %w", name, host.ErrNoVolume)
	}
	return host.Volume{Name: name, Capacity: uint64(len(f.files[name]))}, nil
}

func (f *fakeVolumes) ReadVolumeAt(_ context.Context, _, name string, offset uint64, limit int64) ([]byte, error) {
	content := f.files[name]
	from := min(offset, uint64(len(content)))
	data := content[from:min(from+uint64(limit), uint64(len(content)))]
	f.most, f.bytes = max(f.most, limit), f.bytes+len(data)
	return []byte(data), nil
}

func (f *fakeVolumes) RefreshPool(context.Context, string) error {
	err := f.refresh
	f.known, f.refresh = maps.Clone(f.files), nil
	return err
}

const (
	okReport  = "\nnovacron: customization of id: ok.\n"
	badReport = "\r\nnovacron: customization of id: failed: run_commands[0] ended with exit status 1.\r\n"
)

func followed(files ...string) (*console, *fakeVolumes) {
	volumes := &fakeVolumes{known: map[string]string{}, files: map[string]string{}}
	for i, content := range files { // the console's, then what was before
		name := "log"
		if i > 0 {
			name = fmt.Sprintf("log.%d", i-1)
		}
		volumes.files[name] = content
	}
	volumes.known["log"] = ""
	return &console{host: volumes, volume: "log", begun: time.Now()}, volumes
}

func TestAReportIsFoundWhereverItIs(t *testing.T) {
	noise := strings.Repeat("a line of a kernel that has much to say\r\n", 10<<20/40)
	for name, content := range map[string]string{
		"first":        okReport + noise,
		"last":         noise + okReport,
		"in between":   noise + okReport + noise,
		"at the seam":  strings.Repeat("x", consoleChunk-15) + okReport + noise,
		"across seams": strings.Repeat("x", consoleChunk-len(okReport)+1) + okReport,
	} {
		c, volumes := followed(content)
		if failure, reported, err := c.report(t.Context(), "id"); failure != "" || !reported || err != nil {
			t.Errorf("%s: %q, %t, %v", name, failure, reported, err)
		}
		if volumes.most > consoleChunk {
			t.Errorf("%s: %d bytes are read at once", name, volumes.most)
		}
	}
}

func TestOnlyWhatIsNewIsRead(t *testing.T) {
	c, volumes := followed("booting\n")
	for range 3 {
		if _, reported, err := c.report(t.Context(), "id"); reported || err != nil {
			t.Fatal(reported, err)
		}
	}
	if volumes.bytes != len("booting\n") {
		t.Errorf("%d bytes were read, want %d", volumes.bytes, len("booting\n"))
	}
	volumes.files["log"] += badReport[:40]
	if _, reported, err := c.report(t.Context(), "id"); reported || err != nil {
		t.Fatal(reported, err)
	}
	volumes.files["log"] += badReport[40:]
	failure, reported, err := c.report(t.Context(), "id")
	if want := "run_commands[0] ended with exit status 1"; failure != want || !reported || err != nil {
		t.Errorf("%q, %t, %v", failure, reported, err)
	}
}

func TestAReportIsFoundInAFileThatWasTheConsolesBefore(t *testing.T) {
	c, volumes := followed("booting\n" + strings.Repeat("x", 2<<20))
	if _, reported, err := c.report(t.Context(), "id"); reported || err != nil {
		t.Fatal(reported, err)
	}
	volumes.files["log.0"], volumes.files["log"] = volumes.files["log"]+okReport, "login: "
	if failure, reported, err := c.report(t.Context(), "id"); failure != "" || !reported || err != nil {
		t.Errorf("the file before: %q, %t, %v", failure, reported, err)
	}

	// It existed before the first look.
	c, _ = followed("login: ", "x", "x"+okReport, "x")
	c.begun = time.Now().Add(-time.Minute)
	if failure, reported, err := c.report(t.Context(), "id"); failure != "" || !reported || err != nil {
		t.Errorf("an old file: %q, %t, %v", failure, reported, err)
	}
}

// A look that fails, or comes too early, does not keep the older files from being searched.
func TestOlderFilesAreSearchedAgain(t *testing.T) {
	c, volumes := followed("login: ", "x"+okReport)
	c.begun = time.Now().Add(-time.Minute)
	volumes.refresh = errors.New("the pool is busy")
	if _, reported, err := c.report(t.Context(), "id"); reported || err == nil {
		t.Errorf("a refresh that fails: %t, %v", reported, err)
	}
	if failure, reported, err := c.report(t.Context(), "id"); failure != "" || !reported || err != nil {
		t.Errorf("the look after it: %q, %t, %v", failure, reported, err)
	}

	// Between two looks, more is written than the file before had.
	c, volumes = followed("login: ")
	c.begun = time.Now().Add(-time.Minute)
	for range 2 {
		if _, reported, err := c.report(t.Context(), "id"); reported || err != nil {
			t.Fatal(reported, err)
		}
		volumes.files["log.0"], volumes.files["log"] = volumes.files["log"]+okReport, "login: login: login: "
	}
	c.begun = c.begun.Add(-2 * time.Minute)
	if failure, reported, err := c.report(t.Context(), "id"); failure != "" || !reported || err != nil {
		t.Errorf("a file that was begun unseen: %q, %t, %v", failure, reported, err)
	}
}

func TestTheTailIsOfTheEnd(t *testing.T) {
	lines := make([]string, 300000)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d of the console", i)
	}
	all := strings.Join(lines, "\r\n") + "\r\n"
	want := strings.Join(lines[len(lines)-20:], "\n")
	c, volumes := followed(all)
	if got, err := c.tail(t.Context()); got != want || err != nil || volumes.most > consoleTail {
		t.Errorf("%v, at most %d bytes at once:\n%s", err, volumes.most, got)
	}
	c, _ = followed("login: ", all)
	got, err := c.tail(t.Context())
	if !slices.Equal(strings.Split(got, "\n"), append(lines[len(lines)-19:], "login:")) || err != nil {
		t.Errorf("a file that was begun just now: %v\n%s", err, got)
	}
	c, volumes = followed()
	volumes.known = nil
	if got, err := c.tail(t.Context()); got != "" || err == nil {
		t.Errorf("no volume: %v\n%s", err, got)
	}
}
