package agent

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The notes suffice if there are any; otherwise cloud-init's program is asked.
func TestCloudInitIsAskedUnlessItsNotesDo(t *testing.T) {
	const none, failed = "#!/bin/sh\nexit 1\n", "#!/bin/sh\nexit 0\n"
	for name, test := range map[string]struct {
		files     []string
		systemctl string // the program; "" for a guest without systemd
		want      string
	}{
		"before it began":      {nil, none, "asked"},
		"under way":            {[]string{"status.json"}, none, "notes"},
		"without systemd":      {[]string{"status.json"}, "", "notes"},
		"after a unit died":    {[]string{"status.json"}, failed, "asked"},
		"done":                 {[]string{"status.json", "result.json"}, none, "notesnotes"},
		"done, without status": {[]string{"result.json"}, none, "asked"},
	} {
		t.Run(name, func(t *testing.T) {
			bin, directory := t.TempDir(), t.TempDir()
			programs := map[string]string{"cloud-init": "#!/bin/sh\nprintf asked\n"}
			if test.systemctl != "" {
				programs["systemctl"] = test.systemctl
			}
			for program, text := range programs {
				if err := os.WriteFile(filepath.Join(bin, program), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			cat, err := exec.LookPath("cat")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(cat, filepath.Join(bin, "cat")); err != nil {
				t.Fatal(err)
			}
			for _, file := range test.files {
				if err := os.WriteFile(filepath.Join(directory, file), []byte("notes"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := New(&localGuest{path: bin}).execCloudInit(t.Context(), askOrRead(directory), "status")
			if err != nil || got.Stdout != test.want || got.Stderr != "" || got.ExitCode != 0 {
				t.Errorf("got %+v, %v, want %q", got, err, test.want)
			}
		})
	}
	gone := filepath.Join(t.TempDir(), "gone")
	if got, err := New(&localGuest{path: t.TempDir()}).execCloudInit(
		t.Context(), askOrRead(gone), "status",
	); !errors.Is(err, ErrNoCloudInit) {
		t.Errorf("without cloud-init: got %+v, %v", got, err)
	}
}
