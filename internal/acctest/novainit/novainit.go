// Package novainit builds nova-init for tests, and root file systems of containers for it to run.
package novainit

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/initd/binary"
)

var built = sync.OnceValues(func() ([]byte, error) {
	_, self, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "nova-init")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "nova-init")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./cmd/nova-init")
	build.Dir = filepath.Join(filepath.Dir(self), "../../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building nova-init: %w\n%s", err, out)
	}
	return os.ReadFile(program)
})

// Program is nova-init as the provider embeds it or, without that, a build for this machine.
func Program(architecture string) (data []byte, digest string, err error) {
	data, digest, err = binary.Program(architecture)
	if !errors.Is(err, binary.ErrNotEmbedded) {
		return data, digest, err
	}
	data, err = built()
	sum := sha256.Sum256(data)
	return data, "sha256:" + hex.EncodeToString(sum[:]), err
}

// applets are the programs of busybox that the root file systems have.
var applets = []string{
	"cat", "chmod", "cp", "date", "dd", "df", "echo", "env", "false", "grep", "head", "hostname", "id", "ip", "kill",
	"ls", "mkdir", "mount", "nc", "ping", "ps", "rm", "sh", "sleep", "stat", "sync", "tail", "test", "touch", "true",
	"tr", "wget", "yes",
}

// Root writes a tar with a root file system of busybox, and returns its path. files are further files, by
// paths without the slash at the beginning; those with a #! are executable.
func Root(t testing.TB, files map[string]string) string {
	t.Helper()
	needs.Installed(t, "busybox")
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	busybox, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "root.tar")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := tar.NewWriter(file)
	add := func(h tar.Header, content []byte) {
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "etc", "data", "root", "run", "tmp"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, busybox)
	for _, applet := range applets {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644},
		[]byte("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/data:/bin/sh\n"))
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/group", Mode: 0o644},
		[]byte("root:x:0:\napp:x:1000:\nstaff:x:50:app\n"))
	for path, text := range files {
		add(tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o755}, []byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}
