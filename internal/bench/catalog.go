package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/bench/catalogue"
)

// envPostgres tells the processes that write at once where the server is.
const envPostgres = "NOVACRON_BENCH_POSTGRES"

// catalogs measures the stores of catalogs, or is one of the processes that write to them at once.
func catalogs(args []string) error {
	uri, err := env("NOVACRON_URI")
	if err != nil {
		return err
	}
	ctx, backends := context.Background(), []catalogue.Backend{catalogue.Pool(uri)}
	if len(args) > 0 && args[0] == "catalog-writer" {
		return catalogue.Writer(ctx, append(backends, catalogue.Postgres(os.Getenv(envPostgres))), args[1:])
	}
	server, err := pgtest.Start()
	if err != nil {
		return err
	}
	defer server.Stop()
	os.Setenv(envPostgres, server.Directory)
	backends = append(backends, catalogue.Postgres(server.Directory))
	sizes := catalogue.Sizes()
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
	return catalogue.Measure(ctx, backends, sizes)
}
