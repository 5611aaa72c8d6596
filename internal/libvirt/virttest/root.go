package virttest

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
)

// rootInit is process 1 of containers with a Root. It runs until SIGTERM. A test may bind a file as
// /run/more, which it runs first. If /run/out is bound, it gets what that says, and the signals.
const rootInit = `#!/bin/sh
[ -e /run/out ] && exec >/run/out 2>&1
trap 'echo TERM; exit 0' TERM
trap 'echo HUP' HUP
[ ! -e /run/more ] || . /run/more
echo ready
while :; do sleep 1000 & wait $!; done
`

// RootInit is the path of process 1 in a Root.
const RootInit = "/init"

var rootImage = sync.OnceValues(func() ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	busybox, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	add := func(h tar.Header, content []byte) {
		h.Mode, h.Size = 0o755, int64(len(content))
		_ = w.WriteHeader(&h) // a Buffer does not fail
		_, _ = w.Write(content)
	}
	for _, dir := range []string{"bin", "run", "data", "tmp"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox"}, busybox)
	for _, applet := range []string{"sh", "cat", "dd", "grep", "ip", "ls", "mount", "sed", "sleep", "stat", "udhcpc"} {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: RootInit[1:]}, []byte(rootInit))
	if err := w.Close(); err != nil {
		return nil, err
	}
	var sink memorySink
	base, err := ext4.SendOnce(context.Background(), ext4.Options{
		Origin: image.Origin{Name: "busybox"}, Label: "nova-test", Seed: "busybox",
		Directories: ext4.ContainerDirectories(),
	}, ext4.FromTar(tar.NewReader(&archive)), &sink)
	if err != nil {
		return nil, err
	}
	return append(sink.data, make([]byte, max(0, base.Size-int64(len(sink.data))))...), nil
})

// memorySink is an ext4.Sink in memory.
type memorySink struct{ data []byte }

func (s *memorySink) WriteAt(_ context.Context, r io.Reader, offset, _ int64) error {
	data, err := io.ReadAll(r)
	if end := int(offset) + len(data); end > len(s.data) {
		s.data = append(s.data, make([]byte, end-len(s.data))...)
	}
	copy(s.data[offset:], data)
	return err
}

// Root creates a volume with a root file system for containers, read-only: a shell and a process 1.
func Root(t testing.TB, h host.Volumes, pool, name string) host.Volume {
	t.Helper()
	needs.Installed(t, "busybox")
	data := must.Get[[]byte](t)(rootImage())
	v := must.Get[host.Volume](t)(h.CreateVolume(t.Context(), pool, host.VolumeSpec{
		Name: name, Format: "raw", Capacity: uint64(len(data)),
	}))
	conn := must.Get[host.Transfer](t)(h.OpenTransfer(t.Context()))
	defer conn.Close()
	if err := conn.UploadAll(t.Context(), pool, name, bytes.NewReader(data), 0, int64(len(data))); err != nil {
		t.Fatal(err)
	}
	return v
}
