package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// repository creates a repository with that changelog and these entries, by file name.
func repository(t *testing.T, changelog string, entries map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	unreleased := filepath.Join(root, ".changes", "unreleased")
	if err := os.MkdirAll(unreleased, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(root, "CHANGELOG.md"), changelog)
	for name, content := range entries {
		write(filepath.Join(unreleased, name), content)
	}
	return root
}

func TestAReleaseMovesTheEntries(t *testing.T) {
	root := repository(t, "# Changelog\n\nAbout.\n", map[string]string{
		"b.md": "---\nkind: fixed\n---\nA fault.\n",
		"a.md": "---\nkind: fixed\n---\n\nAnother\none.\n",
		"c.md": "---\nkind: added\n---\nA thing.\n",
	})
	if err := run([]string{root, "release", "1.0.0", "2026-12-01"}); err != nil {
		t.Fatal(err)
	}
	const first = "## [1.0.0] - 2026-12-01\n\n### Added\n\n- A thing.\n\n### Fixed\n\n- Another\n  one.\n- A fault.\n"
	compare(t, root, "# Changelog\n\nAbout.\n\n"+first)
	if left, err := filepath.Glob(filepath.Join(root, ".changes", "unreleased", "*")); len(left) > 0 || err != nil {
		t.Errorf("left: %q, %v", left, err)
	}
	if err := run([]string{root, "release", "1.0.1", "2026-12-02"}); err == nil {
		t.Error("a version without entries was released")
	}

	path := filepath.Join(root, ".changes", "unreleased", "d.md")
	if err := os.WriteFile(path, []byte("---\nkind: security\n---\nA hole.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][]string{{"1.0.0", "2026-12-02"}, {"v1.0.1", "2026-12-02"}, {"1.0.1", "today"}} {
		if err := run(append([]string{root, "release"}, wrong...)); err == nil {
			t.Errorf("%q was released", wrong)
		}
	}
	if err := run([]string{root, "release", "1.0.1", "2026-12-02"}); err != nil {
		t.Fatal(err)
	}
	compare(t, root, "# Changelog\n\nAbout.\n\n## [1.0.1] - 2026-12-02\n\n### Security\n\n- A hole.\n\n"+first)
}

func compare(t *testing.T, root, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil || string(got) != want {
		t.Errorf("%v, CHANGELOG.md is\n%s\nwant\n%s", err, got, want)
	}
}

func TestWhatIsNoEntryIsNamed(t *testing.T) {
	for content, says := range map[string]string{
		"A thing.\n":                             "kind: KIND",
		"---\nkind: new\n---\nA thing.\n":        `its kind is "new"`,
		"---\nkind: added\n---\n- A thing.\n":    "begins with a dash",
		"---\nkind: added\n---\n\n":              "and a text",
		"---\nkind: added\n---\nNo newline":      "and a text",
		"---\nkind: added\n---\nTwo of them\n\n": "and a text",
	} {
		root := repository(t, "", map[string]string{"it.md": content})
		err := run([]string{root, "check"})
		if err == nil || !strings.Contains(err.Error(), "it.md is no entry") || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want one that says %q", content, err, says)
		}
	}
	fine := "---\nkind: added\n---\nA thing.\n"
	if err := run([]string{repository(t, "", map[string]string{"it.txt": fine}), "check"}); err == nil {
		t.Error("it.txt is an entry")
	}
	if err := run([]string{repository(t, "", map[string]string{"it.md": fine}), "check"}); err != nil {
		t.Error(err)
	}
}
