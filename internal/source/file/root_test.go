package file

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// lookAt looks at a source, and returns what is noted of it.
func lookAt(t *testing.T, path string, before []byte) (identity string, note []byte, err error) {
	t.Helper()
	watched := source.ForRoot(Source{Path: path}, oci.LinuxAMD64).(source.Watched) //nolint:forcetypeassert // it is one
	seen, err := watched.Look(t.Context(), before, digest.Current)
	if err != nil {
		return "", nil, err
	}
	return seen.Digest(), must.Get[[]byte](t)(json.Marshal(seen)), nil
}

// A part of the image is missing for a while. Nothing else of it changes.
func TestAMissingPartIsAnErrorUntilItIsThere(t *testing.T) {
	directory, away := ocitest.Layout(t, ocitest.Shop(t, "amd64")), filepath.Join(t.TempDir(), "blobs")
	blobs := filepath.Join(directory, "blobs")
	if err := os.Rename(blobs, away); err != nil {
		t.Fatal(err)
	}
	if identity, _, err := lookAt(t, directory, nil); !source.IsNoRoot(err) {
		t.Errorf("without its parts, it is %q, %v", identity, err)
	}
	if err := os.Rename(away, blobs); err != nil {
		t.Fatal(err)
	}
	if identity, _, err := lookAt(t, directory, nil); err != nil || identity == "" {
		t.Errorf("with its parts, it is %q, %v", identity, err)
	}
}

// There is no room for a while to decompress the image. That says nothing of the image.
func TestWhatCannotBeReadIsNoOtherImage(t *testing.T) {
	packed := imagetest.Packed(t, "gzip", ocitest.Packed(t, ocitest.Layout(t, ocitest.Shop(t, "amd64"))))
	path := imagetest.WriteFile(t, packed)
	usual := os.TempDir()
	for _, variable := range []string{"TMPDIR", "TMP"} {
		t.Setenv(variable, filepath.Join(usual, "missing"))
	}
	if identity, _, err := lookAt(t, path, nil); err == nil || source.IsNoRoot(err) {
		t.Errorf("without room, it is %q, %v", identity, err)
	}
	for _, variable := range []string{"TMPDIR", "TMP"} {
		t.Setenv(variable, usual)
	}
	identity, note, err := lookAt(t, path, nil)
	if err != nil || identity == "" {
		t.Fatalf("with room, it is %q, %v", identity, err)
	}
	if again, _, err := lookAt(t, path, note); err != nil || again != identity {
		t.Errorf("then it is %q, %v", again, err)
	}
}
