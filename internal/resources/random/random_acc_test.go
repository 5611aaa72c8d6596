// Package random_test applies configurations that are drawn at random, and changes them at random.
package random_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// The environment of a longer run, or of one that is to be repeated.
const (
	envRounds = "NOVACRON_TEST_ROUNDS" // how many rounds; default: fewRounds
	envSeed   = "NOVACRON_TEST_SEED"   // of the first round, as the name of a failed test has it; default: 1
)

// fewRounds is how many rounds there are by default, always the same ones, so that what a change
// breaks fails with that change.
const fewRounds = 2

// Every valid configuration can be applied, and changed to every other one. After each apply the
// plan is empty, a changed object equals one that is created with the same settings, and destroy
// leaves nothing.
func TestAccAnyConfigurationConverges(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	images := []string{tfacc.EmptyImage(t, "16M"), tfacc.EmptyImage(t, "32M")}
	first := number(t, envSeed, 1)
	for n := range number(t, envRounds, fewRounds) {
		t.Run(fmt.Sprintf("seed %d", first+n), func(t *testing.T) {
			t.Parallel()
			pool := tfacc.Name("random")
			host.Pool(t, pool)
			draws := rand.New(rand.NewPCG(first+n, 0))
			lives(t, host, pool, &generator{Rand: draws, prefix: pool, images: images})
		})
	}
}

// lives takes a configuration through its life: created, changed, destroyed.
func lives(t *testing.T, host *acctest.Host, pool string, draw *generator) {
	provider := fmt.Sprintf("provider \"novacron\" {\n  pool        = %q\n  domain_type = %q\n}\n",
		pool, host.DomainType)
	space := tfacc.NewWorkspace(t, provider)
	created := draw.configuration()
	created.write(t, space)
	space.Apply(t)
	space.EmptyPlan(t)
	changed := draw.changed(created)
	changed.withTwins().write(t, space)
	space.Apply(t)
	space.EmptyPlan(t)
	compareWithTwins(t, host, pool, space, changed)
	space.Destroy(t)
	if left := host.Leftovers(t, pool, pool); len(left) > 0 {
		t.Errorf("destroy has left %q", left)
	}
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
