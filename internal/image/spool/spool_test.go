package spool_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/spool"
)

// A process that is killed leaves no image behind.
func TestSpoolIsGoneAtOnce(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s, err := spool.New()
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 && runtime.GOOS != "windows" {
		t.Errorf("%v is there", left)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}
