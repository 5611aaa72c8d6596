package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/novacron/terraform-provider-novacron/internal/bench/catalogue"
)

// catalogs measures the stores of catalogues, or is one of the processes that write to them at once.
func catalogs(args []string) error {
	uri, err := env("NOVACRON_URI")
	if err != nil {
		return err
	}
	ctx, backends := context.Background(), []catalogue.Backend{catalogue.Pool(uri)}
	if len(args) > 0 && args[0] == "catalog-writer" {
		return catalogue.Writer(ctx, backends, args[1:])
	}
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
