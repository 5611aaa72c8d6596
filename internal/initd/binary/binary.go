// Package binary has the builds of nova-init that the provider embeds. They are made before the
// provider, by "make nova-init" or "go generate", and are not in the repository. A provider that was
// built without them, as by "go install", has none.
package binary

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/klauspost/compress/zstd"
)

//go:generate go run ./embed

//go:embed built
var built embed.FS

// Architectures are those of containers, as Go calls them.
var Architectures = []string{"amd64", "arm64"}

// File is where the build for an architecture is, from this package's directory on. It is compressed
// with zstd.
func File(architecture string) string { return "built/nova-init-linux-" + architecture + ".zst" }

// ErrNotEmbedded means that the provider was built without nova-init.
var ErrNotEmbedded = errors.New("this build of the provider has no nova-init: build it with make")

// ArchitectureError reports an architecture that containers cannot have.
type ArchitectureError struct{ Architecture string }

func (e *ArchitectureError) Error() string {
	return fmt.Sprintf("there is no nova-init for the architecture %q: containers can have amd64 and arm64",
		e.Architecture)
}

// programs are the builds, each decompressed when it is first asked for.
var programs = func() map[string]func() (program, error) {
	all := map[string]func() (program, error){}
	for _, architecture := range Architectures {
		all[architecture] = sync.OnceValues(func() (program, error) { return read(built, architecture) })
	}
	return all
}()

// program is a build.
type program struct {
	data   []byte
	digest string
}

// Program returns nova-init for Linux on an architecture, and its digest, "sha256:hex". The bytes must
// not be changed. The error is ErrNotEmbedded or an *ArchitectureError.
func Program(architecture string) (data []byte, digest string, err error) {
	read, known := programs[architecture]
	if !known {
		return nil, "", &ArchitectureError{architecture}
	}
	p, err := read()
	return p.data, p.digest, err
}

func read(from fs.FS, architecture string) (program, error) {
	packed, err := fs.ReadFile(from, File(architecture))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(packed) == 0 {
		return program{}, ErrNotEmbedded
	}
	if err != nil {
		return program{}, fmt.Errorf("reading the embedded nova-init: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return program{}, fmt.Errorf("decompressing the embedded nova-init: %w", err)
	}
	defer decoder.Close()
	data, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return program{}, fmt.Errorf("decompressing the embedded nova-init: %w", err)
	}
	sum := sha256.Sum256(data)
	return program{data, "sha256:" + hex.EncodeToString(sum[:])}, nil
}
