package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// bench is the place where everything is measured.
type bench struct {
	dir         string
	rc, idleRC  string // Terraform's; idleRC has the idle provider in place of novacron
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
	if b.rc, err = b.overrides("terraform.rc", bin); err != nil {
		return nil, err
	}
	if b.idleRC, err = b.overrides("idle.rc", filepath.Join(bin, "idle")); err != nil {
		return nil, err
	}
	return b, nil
}

// overrides writes a configuration of Terraform that takes the providers from a directory.
func (b *bench) overrides(name, bin string) (path string, err error) {
	path = filepath.Join(b.dir, name)
	rc := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"novacron/novacron\" = %q\n    \"novacron/empty\" = %[1]q\n  }\n  direct {}\n}\n", bin)
	return path, os.WriteFile(path, []byte(rc), 0o600)
}

// makeBigImage creates an image of random data, of which nothing can be left out or compressed.
func (b *bench) makeBigImage() error {
	b.bigImage = filepath.Join(b.dir, "big.qcow2")
	return b.sh(`
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

func (b *bench) workspace(name, config string) string {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Fatal(err)
	}
	b.configure(dir, config)
	return dir
}

func (b *bench) configure(dir, config string) {
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		log.Fatal(err)
	}
}

// timed runs terraform and returns how long it took.
func (b *bench) timed(dir string, args ...string) (time.Duration, error) {
	return b.timedWith(b.rc, dir, args...)
}

// timedWith is timed with another configuration of Terraform.
func (b *bench) timedWith(rc, dir string, args ...string) (time.Duration, error) {
	cmd := exec.Command("terraform", append(args, "-no-color")...)
	cmd.Dir, cmd.Env = dir, append(b.environment(), "TF_CLI_CONFIG_FILE="+rc)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("terraform %s in %s: %w\n%s", strings.Join(args, " "), filepath.Base(dir), err, out)
	}
	return time.Since(start), err
}

// sh runs a script of plain tools.
func (b *bench) sh(script string, args ...string) error {
	cmd := exec.Command("bash", append([]string{"-euc", script, "bench"}, args...)...)
	cmd.Env = b.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

func (b *bench) environment() []string {
	return append(os.Environ(), "LIBVIRT_DEFAULT_URI="+b.uri, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
}
