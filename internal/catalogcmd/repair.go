package catalogcmd

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

const aboutRepair = `Reads all documents of the catalog in a pool, in both revisions that the pool keeps of each, and
lists damaged ones. Nothing is changed without --yes.

With --yes, a document whose newest revision is damaged gets its older revision back, which lacks
the last change. If both are damaged, restore the catalog from a backup: remove the document with
--discard, and run catalog import. Without a backup, --discard makes Terraform plan to create again
what the document held, and to replace what depends on it.

Before anything is changed, the content of damaged volumes is kept in files. If rows of a catalog in
PostgreSQL cannot be read, the provider's errors name them; correct them with psql.

example:
  terraform-provider-novacron catalog repair --pool novacron --yes --keep damaged
`

func (a *app) setUpRepair(flags *flag.FlagSet) func(context.Context) error {
	var s site
	s.flags(flags)
	yes := flags.Bool("yes", false, "restore what can be restored")
	discard := flags.Bool("discard", false, "with --yes: also remove documents that have no whole revision, with all "+
		"that they hold")
	dir := flags.String("keep", ".", "`DIRECTORY` for the content of damaged volumes, with --yes. Default: the "+
		"working directory")
	return func(ctx context.Context) error {
		if *discard && !*yes {
			return usageError{"--discard needs --yes"}
		}
		host, err := libvirt.New(libvirt.Options{URI: s.uri})
		if err != nil {
			return err
		}
		defer host.Close()
		store := poolstore.New(host, s.pool)
		a.progress("reading the documents in pool %q on %s", s.pool, host.URI())
		damaged, documents, err := store.Examine(ctx, s.tenant)
		if err != nil {
			return err
		}
		if len(damaged) == 0 {
			fmt.Fprintf(a.stdout, "All %d documents are whole.\n", documents)
			return nil
		}
		left := 0
		for _, d := range damaged {
			a.describe(d)
			if !*yes {
				left++
				continue
			}
			err := store.Repair(ctx, d, *discard, keepIn(*dir))
			switch {
			case errors.Is(err, poolstore.ErrNothingWhole):
				left++
			case err != nil:
				return fmt.Errorf("repairing document %s: %w", d.Document, err)
			default:
				a.repaired(d, *dir)
			}
		}
		if left > 0 {
			return fmt.Errorf("%d of %d documents are damaged. See `terraform-provider-novacron catalog repair "+
				"--help` for how to go on", left, documents)
		}
		return nil
	}
}

func (a *app) describe(d poolstore.Damage) {
	fmt.Fprintf(a.stdout, "%s:\n", d.Document)
	for _, v := range d.Volumes {
		fmt.Fprintf(a.stdout, "  %s\n", v.Why)
	}
	switch {
	case d.Harmless:
		fmt.Fprintf(a.stdout, "  a newer revision, volume %q, is whole: nothing is lost\n", d.Whole)
	case d.Whole != "":
		fmt.Fprintf(a.stdout, "  an older revision, volume %q, is whole: it holds %d records, without the "+
			"last change\n", d.Whole, d.Records)
	default:
		fmt.Fprintf(a.stdout, "  no revision is whole\n")
	}
}

func (a *app) repaired(d poolstore.Damage, dir string) {
	done := "restored from volume " + d.Whole
	switch {
	case d.Harmless:
		done = "damaged volumes removed"
	case d.Whole == "":
		done = "removed with all that it held"
	}
	fmt.Fprintf(a.stdout, "  %s. What was damaged is in:\n", done)
	for _, v := range d.Volumes {
		fmt.Fprintf(a.stdout, "    %s\n", kept(dir, v.Volume))
	}
}

func kept(dir, volume string) string { return filepath.Join(dir, volume+".damaged") }

// keepIn saves the contents of volumes as files in a directory. It is an error if a file exists
// already and differs.
func keepIn(dir string) func(volume string, data []byte) error {
	return func(volume string, data []byte) error {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		file, err := os.OpenFile(kept(dir, volume), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			if before, readErr := os.ReadFile(kept(dir, volume)); readErr == nil && bytes.Equal(before, data) {
				return nil
			}
		}
		if err != nil {
			return err
		}
		_, err = file.Write(data)
		return errors.Join(err, file.Close())
	}
}
