package binary

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

func TestAProviderWithoutNovaInit(t *testing.T) {
	for _, without := range []fstest.MapFS{{"built/README.md": {}}, {File("amd64"): {}}} {
		if _, err := read(without, "amd64"); !errors.Is(err, ErrNotEmbedded) {
			t.Errorf("%v", err)
		}
	}
	_, _, err := Program("riscv64")
	if e, ok := errors.AsType[*ArchitectureError](err); !ok || e.Architecture != "riscv64" {
		t.Errorf("%v", err)
	}
}

func TestABuildIsDecompressed(t *testing.T) {
	want := bytes.Repeat([]byte("program"), 1<<16)
	packed := must.Get[*zstd.Encoder](t)(zstd.NewWriter(nil)).EncodeAll(want, nil)
	p := must.Get[program](t)(read(fstest.MapFS{File("arm64"): {Data: packed}}, "arm64"))
	sum := sha256.Sum256(want)
	if !bytes.Equal(p.data, want) || p.digest != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Errorf("%d bytes with the digest %s", len(p.data), p.digest)
	}
	damaged := slices.Clone(packed)
	damaged[len(damaged)/2] ^= 1
	for _, data := range [][]byte{damaged, packed[:len(packed)-1]} {
		if p, err := read(fstest.MapFS{File("arm64"): {Data: data}}, "arm64"); err == nil {
			t.Errorf("%d bytes are taken, as %d", len(data), len(p.data))
		}
	}
}

// What is embedded runs in any container: it needs no other files.
func TestWhatIsEmbedded(t *testing.T) {
	for architecture, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		data, digest, err := Program(architecture)
		if errors.Is(err, ErrNotEmbedded) {
			needs.Missing(t, "%v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		file := must.Get[*elf.File](t)(elf.NewFile(bytes.NewReader(data)))
		if file.Machine != machine || file.Type != elf.ET_EXEC {
			t.Errorf("%s: it is for %v, of the type %v", architecture, file.Machine, file.Type)
		}
		if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
			t.Errorf("%s: it needs an interpreter", architecture)
		}
		here := must.Get[string](t)(os.Getwd())
		root, _, _ := strings.Cut(here, "/internal/")
		if bytes.Contains(data, []byte(root+"/internal/initd")) {
			t.Errorf("%s: it depends on the directory that it is built in", architecture)
		}
		if again, same, _ := Program(architecture); same != digest || &again[0] != &data[0] {
			t.Errorf("%s: it is decompressed twice", architecture)
		}
	}
}
