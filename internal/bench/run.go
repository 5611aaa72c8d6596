package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

// bench is the place where everything is measured.
type bench struct {
	dir         string
	tf          *terraform
	plain       *plainTools
	idleRC      string // Terraform's configuration with the idle provider in place of novacron
	otherRC     string // with the nearest other provider; "" without one
	uri         string
	tinyImage   string
	bigImage    string // has no part that can be left out
	sparseImage string // is mostly holes
	many        string // workspace with many instances
}

func newBench() (*bench, error) {
	b := &bench{}
	var err error
	if b.uri, err = env("NOVACRON_URI"); err != nil {
		return nil, err
	}
	root, err := env("NOVACRON_TESTHOST_ROOT")
	if err != nil {
		return nil, err
	}
	daemon, err := daemonOf(root)
	if err != nil {
		return nil, err
	}
	if b.tinyImage, err = env("NOVACRON_TEST_IMAGE_TINY"); err != nil {
		return nil, err
	}
	bin, err := env("NOVACRON_BENCH_BIN") // has the binaries of both providers
	if err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "novacron-bench-"); err != nil {
		return nil, err
	}
	rc, err := b.overrides("terraform.rc", bin)
	if err != nil {
		return nil, err
	}
	b.tf = &terraform{dir: b.dir, rc: rc, uri: b.uri, daemon: daemon}
	b.plain = &plainTools{dir: b.dir, uri: b.uri, daemon: daemon, tinyImage: b.tinyImage}
	if b.idleRC, err = b.overrides("idle.rc", filepath.Join(bin, "idle")); err != nil {
		return nil, err
	}
	if other := os.Getenv(envOther); other != "" {
		b.otherRC, err = b.overrides("other.rc", other)
	}
	return b, err
}

// envOther is the environment variable that names a directory with the binary of the nearest other
// provider for libvirt, dmacvicar/libvirt 0.8.
const envOther = "NOVACRON_BENCH_OTHER"

// overrides writes a configuration of Terraform that takes the providers from a directory.
func (b *bench) overrides(name, bin string) (path string, err error) {
	path = filepath.Join(b.dir, name)
	var overrides strings.Builder
	for _, source := range []string{"novacron/novacron", "novacron/empty", "dmacvicar/libvirt"} {
		fmt.Fprintf(&overrides, "    %q = %q\n", source, bin)
	}
	rc := "provider_installation {\n  dev_overrides {\n" + overrides.String() + "  }\n  direct {}\n}\n"
	return path, os.WriteFile(path, []byte(rc), 0o600)
}

// makeBigImage creates an image of random data, of which nothing can be left out or compressed.
func (b *bench) makeBigImage() error {
	b.bigImage = filepath.Join(b.dir, "big.qcow2")
	return b.plain.sh(`
head -c "$1" /dev/urandom > "$2.raw"
qemu-img convert -O qcow2 "$2.raw" "$2"
rm "$2.raw"
`, fmt.Sprint(imageSize), b.bigImage)
}

func (b *bench) close() {
	if err := os.RemoveAll(b.dir); err != nil {
		log.Print(err)
	}
}
