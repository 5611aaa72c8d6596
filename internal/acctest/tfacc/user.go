//go:build unix

package tfacc

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// asUser is another user of the machine. Its group has the same number.
type asUser struct{ number uint32 }

// As makes Terraform, with the provider that it starts, run as another user, whose group has the
// same number. It gives the workspace's files to that user. It makes the binary and the test's
// temporary files readable for others.
func (w *Workspace) As(t testing.TB, user uint32) {
	t.Helper()
	w.user, w.own = &asUser{user}, true
	w.Setenv("HOME", w.Dir)
	// Packages testing and os create directories that only their own user may enter.
	for _, dir := range []string{filepath.Dir(w.Dir), filepath.Dir(Binary(t))} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(w.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return w.user.owns(path)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (u *asUser) runs(cmd *exec.Cmd) {
	if u != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: u.number, Gid: u.number}}
	}
}

func (u *asUser) owns(path string) error {
	if u == nil {
		return nil
	}
	return os.Lchown(path, int(u.number), int(u.number))
}
