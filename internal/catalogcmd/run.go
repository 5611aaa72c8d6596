// Package catalogcmd is the provider's own command line: it prepares a catalog in PostgreSQL,
// copies, exports and imports catalogs, and repairs damaged documents in a pool.
package catalogcmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// envDSN is the variable from which the provider and the commands read a connection string, which
// keeps it out of process lists.
const envDSN = "NOVACRON_CATALOG_DSN"

const usage = `usage: terraform-provider-novacron catalog COMMAND [FLAGS]

The catalog is what a library knows about its templates, versions and requests. It is kept as documents in a storage
pool ("embedded"), or in PostgreSQL. Images are in the pool in both cases.

commands:
  init    prepare a PostgreSQL database for a catalog, or bring one up to date
  copy    copy a catalog between the pool and PostgreSQL
  export  write a catalog and its images to a backup file
  import  restore a backup file
  repair  find damaged documents in a pool, and restore their older revisions

"catalog COMMAND --help" lists the flags of a command.
`

// app holds the outputs of the commands.
type app struct {
	stdout, stderr io.Writer
}

// command is one of the commands: it defines its flags and is then run.
type command struct {
	about string
	setUp func(*app, *flag.FlagSet) (do func(context.Context) error)
}

var commands = map[string]command{
	"init":   {aboutInit, (*app).setUpInit},
	"copy":   {aboutCopy, (*app).setUpCopy},
	"export": {aboutExport, (*app).setUpExport},
	"import": {aboutImport, (*app).setUpImport},
	"repair": {aboutRepair, (*app).setUpRepair},
}

// usageError is a mistake on the command line.
type usageError struct{ string }

func (e usageError) Error() string { return e.string }

// Run runs the arguments after "terraform-provider-novacron catalog", and returns the exit code: 0
// done, 1 failed, 2 not understood. Results go to stdout, progress and errors to stderr.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout, stderr}
	name := ""
	if len(args) > 0 {
		name = strings.TrimLeft(args[0], "-")
	}
	if name == "help" || name == "h" {
		fmt.Fprint(stdout, usage)
		return exitDone
	}
	c, known := commands[name]
	if !known {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // package flag may quote a password in its errors
	do := c.setUp(a, flags)
	err := flags.Parse(args[1:])
	if errors.Is(err, flag.ErrHelp) {
		a.help(stdout, name, c, flags)
		return exitDone
	}
	switch {
	case err != nil:
		err = usageError{
			fmt.Sprintf("its flags cannot be understood: see terraform-provider-novacron catalog %s --help", name),
		}
	case flags.NArg() > 0:
		err = usageError{"it takes flags only: see terraform-provider-novacron catalog " + name + " --help"}
	default:
		err = do(ctx)
	}
	switch _, misused := errors.AsType[usageError](err); {
	case err == nil:
		return exitDone
	case misused:
		fmt.Fprintf(stderr, "catalog %s: %s\n", name, err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "catalog %s: %s\n", name, finding.Sentence(err))
		return exitFailed
	}
}

// help prints flags the way users write them, with two hyphens.
func (a *app) help(w io.Writer, name string, c command, flags *flag.FlagSet) {
	fmt.Fprintf(w, "usage: terraform-provider-novacron catalog %s [FLAGS]\n\n%s\nflags:\n", name, c.about)
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%s %s\n        %s\n", f.Name, value, strings.ReplaceAll(text, "\n", "\n        "))
	})
}

// progress prints what the command is doing.
func (a *app) progress(format string, values ...any) {
	fmt.Fprintf(a.stderr, format+"\n", values...)
}

// site says where the images are, with the same flags, variables and defaults as the provider.
type site struct{ uri, pool, tenant string }

func (s *site) flags(flags *flag.FlagSet) {
	flags.StringVar(&s.uri, "uri", first(os.Getenv("NOVACRON_URI"), os.Getenv("LIBVIRT_DEFAULT_URI"), "qemu:///system"),
		"libvirt `URI` of the host. Default: NOVACRON_URI, then LIBVIRT_DEFAULT_URI, then qemu:///system")
	flags.StringVar(&s.pool, "pool", first(os.Getenv("NOVACRON_POOL"), volumes.DefaultPool),
		"storage `POOL` of the images. Default: NOVACRON_POOL, then "+volumes.DefaultPool)
	flags.StringVar(&s.tenant, "tenant", "", "only what belongs to this `TENANT`. Default: everything that the "+
		"catalog shows you, which with\na tenant's role in PostgreSQL is what belongs to that tenant")
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
