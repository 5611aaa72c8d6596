package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/bench/catalogstores"
)

// envPostgres is the environment variable that tells the writing processes where the server is.
const envPostgres = "NOVACRON_BENCH_POSTGRES"

// catalogs measures the stores of catalogs, or is one of the processes that write to them at once.
func catalogs(args []string) error {
	uri, err := env("NOVACRON_URI")
	if err != nil {
		return err
	}
	ctx, backends := context.Background(), []catalogstores.Backend{catalogstores.Pool(uri)}
	if len(args) > 0 && args[0] == "catalog-writer" {
		return catalogstores.Writer(ctx, append(backends, catalogstores.Postgres(os.Getenv(envPostgres))), args[1:])
	}
	server, err := pgtest.Start()
	if err != nil {
		return err
	}
	defer server.Stop()
	os.Setenv(envPostgres, server.Directory)
	backends = append(backends, catalogstores.Postgres(server.Directory))
	sizes := catalogstores.Sizes()
	if len(args) > 1 {
		sizes = nil
	}
	for i := 1; i < len(args); i++ {
		size, err := strconv.Atoi(args[i])
		if err != nil || size < 1 {
			return fmt.Errorf("%q is no number of templates", args[i])
		}
		sizes = append(sizes, size)
	}
	return catalogstores.Measure(ctx, backends, sizes)
}
