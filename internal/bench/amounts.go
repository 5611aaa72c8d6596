package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// amount is a measured number of bytes.
type amount struct {
	work    string
	bytes   int64
	other   int64 // bytes to compare with; 0 for none
	against string
	most    int64   // goal in bytes; 0 if aim is the goal
	aim     float64 // goal as a ratio
}

func (a amount) print() {
	ratio, aim := "–", fmt.Sprintf("≤ %d MB", a.most/1e6)
	if a.other > 0 {
		ratio, aim = fmt.Sprintf("%.2f", float64(a.bytes)/float64(a.other)), fmt.Sprintf("≤ %.1f", a.aim)
	}
	fmt.Printf("| %-56s | %6.1f MB | %-23s | %5s | %8s |\n", a.work, float64(a.bytes)/1e6, a.against, ratio, aim)
}

const memoryAim = 150e6

// memoryOfFile measures the provider's memory while it sends a file.
func (b *bench) memoryOfFile() (amount, error) {
	return b.memory("memory of the provider, 2 GiB raw sent", b.sparseImage)
}

// memoryOfStream measures the provider's memory while it decompresses a file with the largest
// window that it accepts.
func (b *bench) memoryOfStream() (amount, error) {
	packed := filepath.Join(b.dir, "sparse.zst")
	if err := b.plain.sh(`zstd -q -1 --long=26 "$1" -o "$2"`, b.sparseImage, packed); err != nil {
		return amount{}, err
	}
	return b.memory("memory of the provider, 2 GiB from zstd --long=26", packed)
}

func (b *bench) memory(work, image string) (amount, error) {
	w := b.tf.workspace("memory", provider+template("bench")+version(image))
	s, err := b.tf.timed(w, "apply", "-auto-approve")
	a := amount{work: work, bytes: s.client.peak, against: "peak, resident", most: memoryAim}
	if err != nil {
		return a, err
	}
	if a.bytes == 0 {
		return a, errors.New("no process of the provider was seen")
	}
	_, err = b.tf.timed(w, "destroy", "-auto-approve")
	return a, err
}

const linked = 100 // linked clones of one image

// diskOfClones measures the space that linked clones take in the pool before guests write.
func (b *bench) diskOfClones() (amount, error) {
	a := amount{
		work: fmt.Sprintf("disk of %d linked clones of a 2 GiB image", linked), against: "before guests write",
		most: 100e6,
	}
	base := providerOf(herePool) + template("bench") + version(b.sparseImage)
	w := b.tf.workspace("linked", base)
	if _, err := b.tf.timed(w, "apply", "-auto-approve"); err != nil {
		return a, err
	}
	before, err := b.taken(b.here(""))
	if err != nil {
		return a, err
	}
	b.tf.configure(w, base+instances("bench", linked, "stopped"))
	if _, err := b.tf.timed(w, "apply", "-auto-approve"); err != nil {
		return a, err
	}
	after, err := b.taken(b.here(""))
	if err != nil {
		return a, err
	}
	a.bytes = after - before
	_, err = b.tf.timed(w, "destroy", "-auto-approve")
	return a, err
}

// taken returns the space that a directory takes, in bytes.
func (b *bench) taken(dir string) (int64, error) {
	out, err := exec.Command("du", "-s", "--block-size=1", dir).Output()
	if err != nil {
		return 0, err
	}
	number, _, _ := strings.Cut(string(out), "\t")
	return strconv.ParseInt(number, 10, 64)
}

const (
	changed = 200 // clusters that differ from the parent
	cluster = 64 << 10
)

// bytesOfChange measures the bytes sent for a version that differs from its parent in a few
// clusters.
func (b *bench) bytesOfChange() (amount, error) {
	a := amount{
		work: fmt.Sprintf("sent of %d changed clusters of 64 KiB of 2 GiB", changed), other: changed * cluster,
		against: "size of the clusters", aim: 1.2,
	}
	next := filepath.Join(b.dir, "next.raw")
	if err := b.plain.sh(`
cp --sparse=always "$1" "$2"
for i in $(seq 1 "$3"); do
  dd if=/dev/urandom of="$2" bs="$4" count=1 seek=$((i * $5 / ($3 + 1))) conv=notrunc status=none
done
`, b.sparseImage, next, fmt.Sprint(changed), fmt.Sprint(cluster), fmt.Sprint(sparseSize/cluster)); err != nil {
		return a, err
	}
	w := b.tf.workspace("change", provider+template("bench")+version(b.sparseImage)+fmt.Sprintf(`
resource "novacron_template_version" "next" {
  template_id    = novacron_template.t.id
  version        = "1.1.0"
  parent_version = novacron_template_version.v.version
  source         = { path = %q }
}
output "sent" { value = novacron_template_version.next.transferred_bytes }
`, next))
	if _, err := b.tf.timed(w, "apply", "-auto-approve"); err != nil {
		return a, err
	}
	cmd := exec.Command("terraform", "output", "-raw", "sent")
	cmd.Dir, cmd.Env = w, append(environment(b.uri), "TF_CLI_CONFIG_FILE="+b.tf.rc)
	out, err := cmd.Output()
	if err == nil {
		a.bytes, err = strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	}
	if err != nil {
		return a, err
	}
	_, err = b.tf.timed(w, "destroy", "-auto-approve")
	return a, err
}
