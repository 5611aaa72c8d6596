package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// together is how many guests are resumed at once.
const together = 20

// resumeRounds is how many rounds of guests that boot there are: a Debian takes a minute each time
// where guests are emulated.
const resumeRounds = 3

// guests are n instances of the version, with a strategy, that are waited for.
type guests struct {
	strategy string
	n        int
	wait     []string
	more     string // further attributes
}

func (g guests) String() string {
	return fmt.Sprintf(`
resource "novacron_instance" "guest" {
  count       = %d
  name        = "guest-${count.index}"
  template_id = novacron_template.t.id
  version     = novacron_template_version.v.version
  strategy    = %q
  wait_for    = ["%s"]
%s}
`, g.n, g.strategy, strings.Join(g.wait, `", "`), g.more)
}

// warmTemplate is a template with a version of an image that asks for a warm snapshot.
func warmTemplate(image string, memory int) string {
	return fmt.Sprintf(`
resource "novacron_template" "t" {
  name             = "warm"
  hardware_profile = { memory_mb = %d }
}
resource "novacron_template_version" "v" {
  template_id = novacron_template.t.id
  version     = "1.0.0"
  source      = { path = %q }
  warm        = { settle_seconds = 0 }
  timeouts { create = "30m" }
}
`, memory, image)
}

// personal is what an instance asks for that a script of the guest can do.
const personal = `
  customization = {
    users        = { ann = { sudo = true } }
    files        = { "/etc/motd" = { content = "hello\n" } }
    run_commands = ["echo done >/var/tmp/done"]
  }
`

// resumed measures guests that are resumed beside the same guests that boot.
func (b *bench) resumed() error {
	debian, err := env("NOVACRON_TEST_IMAGE_DEBIAN")
	if err != nil {
		return err
	}
	fmt.Printf(`
Medians of %d rounds in which the same guests are resumed ("novacron") and booted as linked clones
("plain"), in turns. All of Terraform's time counts.

`, resumeRounds)
	heading("boot")
	address, agent, done := []string{"ip"}, []string{"agent", "no_report"}, []string{"ip", "agent", "cloud_init"}
	if err := b.resumedOf("debian", debian, 512, []resumedWork{
		{"debian: 1 guest, to its agent", guests{n: 1, wait: agent}, 0.1},
		{"debian: users, files and commands, all done", guests{n: 1, wait: done, more: personal}, 0.2},
		{"debian: by cloud-init, all done", guests{
			n: 1, wait: done, more: strings.Replace(personal, "users  ", "locale = \"C.UTF-8\"\n    users  ", 1),
		}, 0.5},
	}); err != nil {
		return err
	}
	return b.resumedOf("tiny", b.tinyImage, 128, []resumedWork{
		{"tiny: 1 guest, to its address", guests{n: 1, wait: address}, 0.2},
		{fmt.Sprintf("tiny: %d guests at once, to their addresses", together), guests{n: together, wait: address}, 0},
	})
}

// resumedWork is a line of the table.
type resumedWork struct {
	name string
	guests
	aim float64
}

// resumedOf measures guests of one image.
func (b *bench) resumedOf(name, image string, memory int, works []resumedWork) error {
	base := provider + warmTemplate(image, memory)
	w := b.tf.workspace("warm-"+name, base)
	made, err := b.tf.timed(w, "apply", "-auto-approve")
	if err != nil {
		return err
	}
	var notes []string
	for _, work := range works {
		created := func(strategy string) func(int) ([]sample, error) {
			return func(int) ([]sample, error) {
				work.strategy = strategy
				return b.guestsOf(w, base, work.guests, &notes)
			}
		}
		times, err := mediansOf(resumeRounds, created("instantiate"), created("linked_clone"))
		if err != nil {
			return err
		}
		row{
			work: work.name, ours: times[0][0], plain: times[1][0], against: "the same, booted", aim: work.aim,
		}.print()
	}
	fmt.Printf("\nRegistering %s with a warm snapshot took %.1f s.\n", name, made.took.Seconds())
	for _, note := range notes {
		fmt.Println(note)
	}
	fmt.Println()
	_, err = b.tf.timed(w, "destroy", "-auto-approve")
	return err
}

// guestsOf creates guests and removes them. Of many guests, it notes what they take of the pool and of
// the memory.
func (b *bench) guestsOf(w, base string, g guests, notes *[]string) ([]sample, error) {
	root, err := env("NOVACRON_TESTHOST_ROOT")
	if err != nil {
		return nil, err
	}
	pool := filepath.Join(root, "lib", "novacron") // where guests may read
	before, err := b.taken(pool)
	if err != nil {
		return nil, err
	}
	stop := b.mostTaken(pool)
	s, err := b.tf.applied(w, base+g.String())
	peak := stop()
	if err != nil {
		return nil, err
	}
	if g.n > 1 {
		after, err := b.taken(pool)
		if err != nil {
			return nil, err
		}
		*notes = append(*notes, fmt.Sprintf("%d guests by %s: %.0f MB of the pool, %.0f MB at most meanwhile; "+
			"%.0f MB of memory each.", g.n, g.strategy, float64(after-before)/1e6, float64(peak-before)/1e6,
			float64(guestMemory())/1e6/float64(g.n)))
	}
	if err := b.plain.powerOff(); err != nil {
		return nil, err
	}
	_, err = b.tf.applied(w, base)
	return []sample{s}, err
}

// mostTaken watches the space that a directory takes until stop is called, which returns the most that
// was seen, in bytes.
func (b *bench) mostTaken(dir string) (stop func() int64) {
	var watching sync.WaitGroup
	ended := make(chan struct{})
	var most int64
	watching.Go(func() {
		for {
			if now, err := b.taken(dir); err == nil {
				most = max(most, now)
			}
			select {
			case <-ended:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	return func() int64 {
		close(ended)
		watching.Wait()
		return most
	}
}

// guestMemory is the memory that all guests of the machine take, in bytes: what they share counts once
// (proportional set size).
func guestMemory() (bytes int64) {
	processes, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, comm := range processes {
		name, err := os.ReadFile(comm)
		if err != nil || !strings.HasPrefix(string(name), "qemu-system") {
			continue
		}
		rollup, _ := os.ReadFile(filepath.Join(filepath.Dir(comm), "smaps_rollup"))
		for line := range strings.Lines(string(rollup)) {
			var kilobytes int64
			if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kilobytes); n == 1 {
				bytes += kilobytes << 10
			}
		}
	}
	return bytes
}
