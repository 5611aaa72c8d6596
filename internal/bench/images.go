package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// images measures the registration of images: time, memory and bytes.
func images() (err error) {
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()
	if err := errors.Join(b.makeBigImage(), b.makeSparseImage(), b.openHere()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.plain.sh(`virsh -q pool-destroy "$1" >/dev/null`, herePool)) }()
	fmt.Printf("\nRegistering images; medians of %d rounds, in which novacron, the plain tools and the empty "+
		"provider take turns. Where\nit says \"all\", Terraform's own time counts as novacron's; elsewhere that of "+
		"the empty provider is subtracted.\n\n", rounds)
	heading("plain")
	for _, work := range []func() ([]row, error){
		b.registerSparse, b.registerHuge, b.registerBig, b.registerPacked, b.registerRoot, b.copyHere, b.shareHere,
	} {
		rows, err := work()
		if err != nil {
			return err
		}
		for _, r := range rows {
			r.print()
		}
	}
	fmt.Printf("\n| %-56s | %9s | %-23s | %5s | %8s |\n|---|---|---|---|---|\n",
		"work", "measured", "compared with", "ratio", "aim")
	for _, work := range []func() (amount, error){b.memoryOfFile, b.memoryOfStream, b.diskOfClones, b.bytesOfChange} {
		a, err := work()
		if err != nil {
			return err
		}
		a.print()
	}
	return nil
}

// herePool is a pool whose directory has the same path for this process and for the host.
const herePool = "novacron-bench-here"

func (b *bench) here(name string) string { return filepath.Join(b.dir, "here", name) }

func (b *bench) openHere() error {
	return b.plain.sh(`virsh -q pool-create-as "$1" dir --target "$2" --build >/dev/null`, herePool, b.here(""))
}

const (
	sparseSize = 2 << 30
	sparseData = 300 << 20
	hugeSize   = 100 << 30
	hugeData   = 2 << 30
)

// makeSparseImage creates the disk that most of the work is done with.
func (b *bench) makeSparseImage() error {
	b.sparseImage = filepath.Join(b.dir, "sparse.raw")
	return b.makeSparse(b.sparseImage, sparseSize, sparseData)
}

// makeSparse creates a raw disk with 30 stretches of data and holes between them.
func (b *bench) makeSparse(path string, size, data int64) error {
	return b.plain.sh(`
truncate -s "$2" "$1"
for i in $(seq 0 29); do
  dd if=/dev/urandom of="$1" bs=1M count=$(($3 / 30 >> 20)) seek=$((i * ($2 >> 20) / 30)) conv=notrunc status=none
done
printf '\x55\xaa' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
`, path, fmt.Sprint(size), fmt.Sprint(data))
}

// registerSparse registers a raw disk that is mostly holes.
func (b *bench) registerSparse() ([]row, error) {
	r := row{work: "register 2 GiB raw, 300 MiB of it data", against: "virsh --sparse", aim: 1.3}
	rows, err := b.uploads(r, b.sparseImage, "--sparse")
	if err != nil {
		return nil, err
	}
	all := rows[0]
	all.subtract, all.against, all.aim = false, "the same, all", 1.2
	return append(rows, all), nil
}

// registerHuge registers a raw disk that is nearly all holes.
func (b *bench) registerHuge() ([]row, error) {
	huge := filepath.Join(b.dir, "huge.raw")
	if err := b.makeSparse(huge, hugeSize, hugeData); err != nil {
		return nil, err
	}
	rows, err := b.uploads(row{work: "register 100 GiB raw, 2 GiB of it data", against: "virsh --sparse", aim: 1.3},
		huge, "--sparse")
	return rows, errors.Join(err, os.Remove(huge))
}

// registerPacked registers an image whose clusters are compressed, as most images are that
// distributions publish.
func (b *bench) registerPacked() ([]row, error) {
	packed := filepath.Join(b.dir, "packed.qcow2")
	if err := b.plain.sh(`
head -c "$1" /dev/urandom | base64 --wrap=0 > "$2.raw"
qemu-img convert -c -W -O qcow2 "$2.raw" "$2"
rm "$2.raw"
`, fmt.Sprint(packedData), packed); err != nil {
		return nil, err
	}
	rows, err := b.uploads(row{
		work: fmt.Sprintf("register a %d MiB qcow2 image, compressed", packedData>>20), against: "virsh",
	}, packed, "")
	return rows, errors.Join(err, os.Remove(packed))
}

// packedData is about how long that image is, in bytes.
const packedData = 200 << 20

// registerRoot registers the root file system of a container, compared with unpacking its archive:
// some 15,000 files with 320 MB, most of them small.
func (b *bench) registerRoot() ([]row, error) {
	archive, to := filepath.Join(b.dir, "root.tar"), filepath.Join(b.dir, "root")
	if err := b.plain.sh(`
mkdir "$2"
for d in $(seq 1600); do
  mkdir "$2/$d"
  size=$((1000 + d * 3))
  head -c $((size * 9)) /dev/urandom | split -b "$size" -a 1 - "$2/$d/file-"
  test $((d % 4)) -ne 0 || head -c 680000 /dev/urandom >"$2/$d/large"
done
tar -C "$2" -cf "$1" .
rm -r "$2"
`, archive, to); err != nil {
		return nil, err
	}
	rows, err := b.registrationsOf(row{work: "register a root file system of 320 MB", against: "tar x", aim: 2},
		containerTemplate("bench"), "", archive,
		func() (sample, error) { return b.plain.timedShell(`mkdir "$2"; tar -C "$2" -xf "$1"`, archive, to) },
		func() error { return os.RemoveAll(to) })
	return rows, errors.Join(err, os.Remove(archive))
}

// registerBig registers a large image without any part that can be left out.
func (b *bench) registerBig() ([]row, error) {
	return b.uploads(row{work: fmt.Sprintf("register a %d MiB qcow2 image", imageSize>>20), against: "virsh", aim: 1.1},
		b.bigImage, "")
}

// uploads compares a registration with virsh vol-upload.
func (b *bench) uploads(r row, image, how string) ([]row, error) {
	return b.registrations(r, "", image, func() (sample, error) {
		return b.plain.timedShell(`
virsh -q vol-create-as novacron plain-image "$(stat -c %s "$1")" --allocation 0 --format raw >/dev/null
virsh -q vol-upload --pool novacron plain-image "$1" $2
`, image, how)
	}, func() error { return b.plain.sh(`virsh -q vol-delete --pool novacron plain-image >/dev/null`) })
}

// registrations compares a registration in a pool with a plain command, which is undone each time.
func (b *bench) registrations(
	r row, pool, image string, plain func() (sample, error), undo func() error,
) ([]row, error) {
	return b.registrationsOf(r, template("bench"), pool, image, plain, undo)
}

// registrationsOf is registrations for a template of any type.
func (b *bench) registrationsOf(
	r row, template, pool, image string, plain func() (sample, error), undo func() error,
) ([]row, error) {
	library := b.tf.workspace("register", providerOf(pool)+template+version(image))
	round := 0
	times, err := medians(
		once(func() (sample, error) {
			s, err := b.afterSync(func() (sample, error) { return b.tf.timed(library, "apply", "-auto-approve") })
			if err == nil {
				_, err = b.tf.timed(library, "destroy", "-auto-approve")
			}
			return s, err
		}),
		once(func() (sample, error) {
			s, err := b.afterSync(plain)
			return s, errors.Join(err, undo())
		}),
		once(func() (sample, error) {
			round++
			name := fmt.Sprintf("empty-%s-%d", filepath.Base(image), round)
			return b.tf.timed(b.tf.workspace(name, emptyThings(2)), "apply", "-auto-approve")
		}))
	if err != nil {
		return nil, err
	}
	r.ours, r.plain, r.floor, r.subtract = times[0][0], times[1][0], times[2][0], true
	return []row{r}, os.RemoveAll(library)
}

// afterSync measures after all earlier writes have reached the disk.
func (b *bench) afterSync(measure func() (sample, error)) (sample, error) {
	if err := exec.Command("sync").Run(); err != nil {
		return sample{}, err
	}
	return measure()
}

// copyHere registers an image that the host itself has.
func (b *bench) copyHere() ([]row, error) {
	return b.copies(fmt.Sprintf("%d MiB qcow2 on the host itself", imageSize>>20), herePool, b.bigImage,
		b.here("plain"))
}

// copies compares a registration with cp alone, and with all that a registration does: a copy that
// has reached the disk, and a checksum.
func (b *bench) copies(work, pool, image, to string) ([]row, error) {
	undo := func() error { return os.Remove(to) }
	alone, err := b.registrations(row{work: work, against: "cp", aim: 1.2}, pool, image, func() (sample, error) {
		return b.plain.timedShell(`cp --reflink=auto --sparse=always "$1" "$2"`, image, to)
	}, undo)
	if err != nil {
		return nil, err
	}
	whole, err := b.registrations(row{work: work, against: "cp, sync, sum"}, pool, image, func() (sample, error) {
		return b.plain.timedShell(`cp --reflink=auto --sparse=always "$1" "$2"; sync "$2"; sha256sum "$1" >/dev/null`,
			image, to)
	}, undo)
	return append(alone, whole...), err
}

// shareHere is copyHere on a file system that shares blocks. It returns nothing if this machine
// cannot have one.
func (b *bench) shareHere() (rows []row, err error) {
	disk, top, host := filepath.Join(b.dir, "disk"), filepath.Join(b.dir, "shared"), os.Getenv("NOVACRON_TESTHOST")
	if err := b.plain.sh(
		`truncate -s 4G "$1" && mkfs.xfs -q "$1" && mkdir "$2" && mount -o loop "$1" "$2"`, disk, top,
	); err != nil {
		fmt.Println("| (no XFS can be made and mounted on this machine) |")
		return nil, nil
	}
	const pool = "novacron-bench-shared"
	defer func() {
		err = errors.Join(err,
			b.plain.sh(`virsh -q pool-destroy "$2" >/dev/null || true
tools/testhost/testhost.sh exec "$3" umount --lazy "$1"
umount --lazy "$1"`, top, pool, host))
	}()
	image := filepath.Join(top, "big.qcow2")
	if err := b.plain.sh(`
tools/testhost/testhost.sh exec "$3" mount "$(findmnt -n -o SOURCE "$1")" "$1"
virsh -q pool-create-as "$2" dir --target "$1/pool" --build >/dev/null
cp "$4" "$5"
`, top, pool, host, b.bigImage, image); err != nil {
		return nil, err
	}
	return b.copies(fmt.Sprintf("%d MiB qcow2, blocks shared (XFS)", imageSize>>20), pool, image,
		filepath.Join(top, "pool", "plain"))
}
