package catalogcmd

import (
	"context"
	"flag"
)

const aboutCopy = `Copies templates, versions and requests from one catalogue to another of the same pool. Images are in the pool and stay
where they are: versions of both catalogues share them. What is there already is left as it is; where anything differs,
nothing is copied, and the differences are listed. A copy that was cut off goes on when it is run again.

The versions in the catalogue that was copied from are still there, and keep their images.

example:
  terraform-provider-novacron catalog copy --from embedded --to postgres://nova_t1@db/nova
`

func (a *app) setUpCopy(flags *flag.FlagSet) func(context.Context) error {
	var s site
	s.flags(flags)
	source := flags.String("from", "", "`CATALOGUE` to copy from: "+ends)
	target := flags.String("to", "", "`CATALOGUE` to copy to: the same")
	return func(ctx context.Context) error {
		if *source == *target {
			return usageError{"--from and --to must name two catalogues"}
		}
		from, err := s.open(ctx, "from", *source)
		if err != nil {
			return err
		}
		defer from.Close()
		to, err := s.open(ctx, "to", *target)
		if err != nil {
			return err
		}
		defer to.Close()
		if from.tenant == "" {
			from.tenant = to.tenant // with a tenant's role, nothing else can be written
		}
		a.progress("copying from %s to %s", from.name, to.name)
		return a.transfer(ctx, from, to)
	}
}
