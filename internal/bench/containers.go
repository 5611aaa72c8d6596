package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// manyContainers is how many containers are created at once.
const manyContainers = 20

// The goals for containers, above Terraform's own time.
const (
	oneHealthy  = 1500 * time.Millisecond
	manyHealthy = 5 * time.Second
)

// upperMost is how many bytes of the pool a linked clone of a container may take.
const upperMost = 200e3

// webTemplate is a template of containers with a version of an image.
func webTemplate(image string) string {
	return fmt.Sprintf(`
resource "novacron_template" "web" {
  name             = "web"
  type             = "container"
  hardware_profile = { memory_mb = 64 }
  storage_profile  = { disks = { system = { size_gb = 1 } } }
  container        = { health_check = { interval_seconds = 1 } }
}
resource "novacron_template_version" "web" {
  template_id = novacron_template.web.id
  version     = "1.0.0"
  source      = { path = %q }
}
`, image)
}

// webs are n containers of the version.
func webs(n int, power string, wait ...string) string {
	waits := "[]"
	if len(wait) > 0 {
		waits = `["` + strings.Join(wait, `", "`) + `"]`
	}
	return fmt.Sprintf(`
resource "novacron_instance" "web" {
  count       = %d
  name        = "web-${count.index}"
  template_id = novacron_template.web.id
  version     = novacron_template_version.web.version
  power_state = %q
  wait_for    = %s
}
`, n, power, waits)
}

// containers measures containers beside virsh, which does the same by hand: it copies a root file
// system, and starts the program in it, without waiting until that is healthy.
func (b *bench) containers() error {
	web, err := env("NOVACRON_TEST_IMAGE_WEB")
	if err != nil {
		return err
	}
	fmt.Printf(`
Medians of %d rounds in which novacron, a provider that does nothing and virsh take turns. novacron
waits until containers are healthy, and virsh only starts them.

| %-36s | %9s | %9s | %9s | %13s | %9s | %5s |
|---|---|---|---|---|---|---|
`, rounds, "work", "novacron", "floor", "virsh", "above floor", "aim", "ratio")
	base := provider + webTemplate(web)
	w := b.tf.workspace("containers", base)
	if _, err := b.tf.timed(w, "apply", "-auto-approve"); err != nil {
		return err
	}
	if err := b.plain.containerBase(web); err != nil {
		return err
	}
	for _, work := range []struct {
		n   int
		aim time.Duration
	}{{1, oneHealthy}, {manyContainers, manyHealthy}} {
		if err := b.webs(w, base, work.n, work.aim); err != nil {
			return err
		}
	}
	if err := b.plain.removeContainerBase(); err != nil {
		return err
	}
	fmt.Printf("\n| %-56s | %9s | %-23s | %5s | %8s |\n|---|---|---|---|---|\n",
		"work", "bytes", "compared with", "ratio", "aim")
	disk, err := b.diskOfWebs(w, base)
	if err != nil {
		return err
	}
	disk.print()
	_, err = b.tf.timed(w, "destroy", "-auto-approve")
	return err
}

// webs measures n containers from the apply to healthy.
func (b *bench) webs(w, base string, n int, aim time.Duration) error {
	nothing := b.tf.workspace("no-containers", "")
	ours := func(int) ([]sample, error) {
		return b.thenRemoved(
			func() (sample, error) { return b.tf.applied(w, base+webs(n, "running", "healthy")) },
			func() (sample, error) { return b.tf.applied(w, base) })
	}
	floor := func(int) ([]sample, error) {
		return b.thenRemoved(
			func() (sample, error) { return b.tf.applied(nothing, emptyThings(n)) },
			func() (sample, error) { return b.tf.applied(nothing, emptyThings(0)) })
	}
	plain := func(int) ([]sample, error) {
		return b.thenRemoved(
			func() (sample, error) { return b.plain.containers(n) },
			func() (sample, error) { return b.plain.removeContainers(n) })
	}
	times, err := medians(ours, floor, plain)
	if err != nil {
		return err
	}
	for i, work := range []string{"apply to healthy", "destroy"} {
		above, most := times[0][i].took-times[1][i].took, "–"
		if i == 0 {
			most = fmt.Sprintf("≤ %.1f s", aim.Seconds())
		}
		fmt.Printf("| %-36s | %7.2f s | %7.2f s | %7.2f s | %11.2f s | %9s | %5.2f |\n",
			fmt.Sprintf("containers: %d, %s", n, work), times[0][i].took.Seconds(), times[1][i].took.Seconds(),
			times[2][i].took.Seconds(), above.Seconds(), most, above.Seconds()/times[2][i].took.Seconds())
	}
	return nil
}

// diskOfWebs measures the space that linked clones of a container take in the pool before they run.
func (b *bench) diskOfWebs(w, base string) (amount, error) {
	a := amount{
		work: fmt.Sprintf("disk of %d linked clones of a container", linked), against: "before they run",
		most: linked * upperMost,
	}
	root, err := env("NOVACRON_TESTHOST_ROOT")
	if err != nil {
		return a, err
	}
	pool := filepath.Join(root, "lib", "novacron")
	before, err := b.taken(pool)
	if err != nil {
		return a, err
	}
	if _, err := b.tf.applied(w, base+webs(linked, "stopped")); err != nil {
		return a, err
	}
	after, err := b.taken(pool)
	a.bytes = after - before
	return a, err
}
