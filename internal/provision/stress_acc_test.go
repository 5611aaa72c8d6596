package provision

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
)

// Many processes create and remove linked clones of one base image, while others remove and
// register its versions. No clone ever loses its base, and a process that may not remove a version
// is told which clones need it.
func TestAccNoCloneLosesItsBase(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	processes, creates, removers := 4, 16, 1
	if os.Getenv("NOVACRON_TEST_FAULTS") == "all" {
		processes, creates, removers = 16, 200, 2
	}
	pool, directory := host.Pool(t, "stress-"+strings.ToLower(rand.Text()[:8]))
	s := stressed{URI: host.URI, Pool: pool, Image: stressImage(t, 64<<10), Other: stressImage(t, 32<<10), Name: "main"}
	l, p, done := s.open()
	t.Cleanup(done)
	s.prepare(t, l)
	t.Cleanup(func() { s.clear(t, host, l, p) })

	tallies := make([]tally, processes+removers)
	var cloners, others errgroup.Group
	stop := make(chan struct{})
	for n := range tallies {
		role := s
		role.Name = fmt.Sprintf("%s-%d", pool, n)
		if n < processes {
			role.Creates = creates/processes + min(1, max(0, creates%processes-n))
			cloners.Go(func() (err error) { tallies[n], err = role.start(t, nil); return err })
		} else {
			others.Go(func() (err error) { tallies[n], err = role.start(t, stop); return err })
		}
	}
	err := cloners.Wait()
	close(stop)
	if err := errors.Join(err, others.Wait()); err != nil {
		t.Fatal(err)
	}
	var all tally
	for _, one := range tallies {
		all.Created, all.Refused = all.Created+one.Created, all.Refused+one.Refused
		all.Removed, all.Kept = all.Removed+one.Removed, all.Kept+one.Kept
		all.Wrong = append(all.Wrong, one.Wrong...)
	}
	t.Logf("%d processes made %d linked clones, and were refused %d; beside them %d versions were removed, to be "+
		"registered again, "+
		"and %d removals were refused", processes, all.Created, all.Refused, all.Removed, all.Kept)
	if all.Created != creates {
		t.Errorf("%d linked clones were made, want %d", all.Created, creates)
	}
	if all.Removed == 0 {
		t.Error("no version was removed meanwhile")
	}
	for _, wrong := range all.Wrong {
		t.Error(wrong)
	}
	s.checkOverlays(t, host, directory, processes)
}

// checkOverlays checks that each process has kept one linked clone, and that all of them have their
// base.
func (s stressed) checkOverlays(t *testing.T, host *acctest.Host, directory string, processes int) {
	t.Helper()
	files, err := os.ReadDir(host.HostPath(directory))
	if err != nil {
		t.Fatal(err)
	}
	overlays := 0
	for _, file := range files {
		if !strings.HasPrefix(file.Name(), "nova.disk.") {
			continue
		}
		overlays++
		// qemu-img follows the chain to its end, and fails where a link is missing.
		out := host.Exec(t, "qemu-img", "info", "--force-share", "--backing-chain",
			filepath.Join(directory, file.Name()))
		if links := strings.Count(out, "image: "); links != 2 {
			t.Errorf("the chain of %s has %d links, want the overlay and its base:\n%s", file.Name(), links, out)
		}
	}
	if overlays != processes {
		t.Errorf("there are %d overlays, want the one that each of %d processes kept", overlays, processes)
	}
}
