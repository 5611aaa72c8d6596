package strategy_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
	"github.com/novacron/terraform-provider-novacron/internal/strategy/strategytest"
)

func TestContract(t *testing.T) {
	for _, s := range strategy.All() {
		t.Run(string(s.Name()), func(t *testing.T) {
			h := fakehost.New()
			if _, err := h.CreateDirPool(t.Context(), "pool", "/pool"); err != nil {
				t.Fatal(err)
			}
			strategytest.Run(t, s, h, "pool")
		})
	}
}

func TestAccContract(t *testing.T) {
	site := acctest.RequireHost(t)
	for _, s := range strategy.All() {
		t.Run(string(s.Name()), func(t *testing.T) {
			h, err := libvirt.New(libvirt.Options{URI: site.URI})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { h.Close() })
			pool, _ := site.Pool(t, "strategy-"+strings.ToLower(rand.Text()[:8]))
			strategytest.Run(t, s, h, pool)
		})
	}
}

// A strategy of a later version may need its image.
func TestUnknownStrategiesHoldTheirImage(t *testing.T) {
	if _, err := strategy.Of("instant"); err == nil || !strategy.HoldsBase("instant") {
		t.Errorf("an unknown strategy gives %v, and holds its image: %t", err, strategy.HoldsBase("instant"))
	}
	if strategy.HoldsBase("clone") || !strategy.HoldsBase("linked_clone") ||
		!slices.Equal(strategy.Names(), []string{"clone", "linked_clone", "instantiate"}) {
		t.Errorf("the strategies are %q", strategy.Names())
	}
	if strategy.Default().Name() != "linked_clone" {
		t.Errorf("the default is %q", strategy.Default().Name())
	}
}
