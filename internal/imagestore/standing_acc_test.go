package imagestore

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// A stored image is checked again in the pool: after a file was looked at and before it is sent, it
// may have been replaced.
func TestAccAStoredImageStandsOnWhatItShould(t *testing.T) {
	s, site, directory := onTestHost(t)
	ctx := t.Context()
	secret := directory + ".secret"
	site.Exec(t, "sh", "-c", "echo nobody > "+secret)
	t.Cleanup(func() { site.Exec(t, "rm", secret) })
	for says, options := range map[string][]string{
		"":                             nil,
		"it stands on " + secret:       {"-b", secret, "-F", "raw"},
		"has its data in another file": {"-o", "data_file=" + secret + ".data,data_file_raw=on"},
	} {
		made := filepath.Join(directory, "made.qcow2")
		site.Exec(t, append(append([]string{"qemu-img", "create", "-q", "-u", "-f", "qcow2"}, options...), made,
			"64M")...)
		content, err := os.ReadFile(site.HostPath(made))
		if err != nil {
			t.Fatal(err)
		}
		u := holding{s.Store, Request{Version: web.Version("1.0.0"), Source: file.Source{}}}.newUpload(
			"nova.base.stands.qcow2", "qcow2")
		u.base.VirtualSize = 64 << 20
		if err := u.create(ctx, int64(len(content))); err != nil {
			t.Fatal(err)
		}
		transfer := must.Get[host.Transfer](t)(s.host.OpenTransfer(ctx))
		err = transfer.Upload(ctx, s.poolName, u.base.Volume, bytes.NewReader(content), 0, int64(len(content)))
		transfer.Close()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = u.recognised(ctx); (err == nil) != (says == "") || err != nil &&
			!strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %q", options, err, says)
		}
		if err := u.undo(ctx); err != nil {
			t.Error(err)
		}
		site.Exec(t, "rm", "-f", made, secret+".data")
	}
}
