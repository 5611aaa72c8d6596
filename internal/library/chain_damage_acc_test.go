package library

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// TestAccDamageInAChainIsFound, whether it is in the version's own image or further below.
func TestAccDamageInAChainIsFound(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	raw := rawImage(t, 4<<20, 2<<20)
	one := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: raw}))
	two := must.Get[catalog.Version](t)(l.RegisterVersion(t.Context(), VersionRequest{
		ID: ubuntu.Version("1.1.0"), Source: file.Source{Path: changed(t, raw, 5)}, Parent: "1.0.0", VerifyFull: true,
	}))
	for _, v := range []catalog.Version{one, two} {
		location := s.HostPath(must.Get[string](t)(l.Images.Location(t.Context(), v)))
		data, err := os.ReadFile(location)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := slices.Clone(data)
		spoilt[blockmap.BlockSize+77] ^= 1
		for content, wrong := range map[*[]byte]bool{&spoilt: true, &data: false} {
			if err := os.WriteFile(location, *content, 0o600); err != nil {
				t.Fatal(err)
			}
			err := l.VerifyVersion(t.Context(), two.ID)
			if wrong != (err != nil) || wrong && !strings.Contains(err.Error(), filepath.Base(location)) {
				t.Errorf("%s is damaged: %t; verifying gives %v", v.ID, wrong, err)
			}
		}
		if err := os.WriteFile(location, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAccAnInterruptedComparisonLeavesNothing.
func TestAccAnInterruptedComparisonLeavesNothing(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	raw := rawImage(t, 4<<20, 2<<20)
	one := must.Get[catalog.Version](t)(register(t.Context(), l, "1.0.0", file.Source{Path: raw}))
	before := s.images(t)
	t.Run("by an error", func(t *testing.T) {
		_, err := registerOn(t, l, "1.0.0", "1.1.0", file.Source{
			Path: changed(t, raw, 5), Checksum: "sha256:" + strings.Repeat("ab", 32),
		})
		if _, ok := errors.AsType[*image.ChecksumError](err); !ok {
			t.Errorf("got %v, want a checksum error", err)
		}
	})
	t.Run("by its end", func(t *testing.T) {
		volume := s.leave(t, l, ubuntu.Version("0.1.0"), leasetest.Dead(t))
		_, err := catalog.Change(t.Context(), s.bases(t), catalog.BaseKey(one.Digest), func(b *catalog.Base) error {
			b.Children = append(b.Children, volume)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.library(t).RemoveVersion(t.Context(), ubuntu.Version("7.7.7")); err != nil { // any removal sweeps
			t.Fatal(err)
		}
	})
	if left := s.images(t); len(left) != len(before) {
		t.Errorf("in the pool: %q, want as before %q", left, before)
	}
	if base := must.Get[catalog.Base](t)(l.Images.Base(t.Context(), one.Digest)); len(base.Children) != 0 {
		t.Errorf("the volumes %q stand on the image still", base.Children)
	}
	var findings finding.List
	if _, err := registerOn(
		t, l, "9.9.9", "1.1.0", file.Source{Path: raw, Checksum: sumOf(t, raw)},
	); !errors.As(err, &findings) || findings[0].Path.String() != "parent_version" {
		t.Errorf("on a version that is not there: %v, want a finding", err)
	}
}
