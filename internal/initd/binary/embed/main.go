// Command embed builds nova-init, and puts it where package binary embeds it from. It runs in the
// directory of that package, and builds for the architectures that are its arguments, or for all. The
// same sources and the same Go result in the same bytes, whatever is in GOFLAGS.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/novacron/terraform-provider-novacron/internal/initd/binary"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, architectures []string) error {
	if len(architectures) == 0 {
		architectures = binary.Architectures
	}
	for _, architecture := range architectures {
		if err := embed(ctx, architecture); err != nil {
			return fmt.Errorf("embedding nova-init for %s: %w", architecture, err)
		}
	}
	return nil
}

const program = "github.com/novacron/terraform-provider-novacron/cmd/nova-init"

// flags leave out what differs between two builds of the same sources: directories, the state of the
// checkout, and Go's own mark.
var flags = []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="}

func embed(ctx context.Context, architecture string) error {
	dir, err := os.MkdirTemp("", "nova-init")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "nova-init")
	build := exec.CommandContext(ctx, "go", append(append([]string{"build", "-o", out}, flags...), program)...)
	build.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture,
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	file := filepath.FromSlash(binary.File(architecture))
	whole := file + ".new"
	//nolint:gosec // as sources have it
	if err := os.WriteFile(whole, encoder.EncodeAll(data, nil), 0o644); err != nil {
		return err
	}
	return os.Rename(whole, file)
}
