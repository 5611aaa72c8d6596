package oci_test

import (
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

func TestPlatforms(t *testing.T) {
	variant := func(v string) func(*v1.ConfigFile) { return func(f *v1.ConfigFile) { f.Variant = v } }
	other := func(f *v1.ConfigFile) { f.Author = "another" }
	windows := func(f *v1.ConfigFile) { f.OS = "windows" }
	for name, c := range map[string]struct {
		images   []v1.Image
		platform oci.Platform
		want     string   // the architecture; "" for none
		says     []string // if there is none
	}{
		"one":              {[]v1.Image{Shop(t, "arm64")}, oci.LinuxARM64, "arm64", nil},
		"of two":           {[]v1.Image{Shop(t, "amd64"), Shop(t, "arm64")}, oci.LinuxARM64, "arm64", nil},
		"with its variant": {[]v1.Image{Shop(t, "arm64", variant("v8"))}, oci.LinuxARM64, "arm64", nil},
		"twice the same":   {[]v1.Image{Shop(t, "amd64"), Shop(t, "amd64")}, oci.LinuxAMD64, "amd64", nil},
		"none": {
			[]v1.Image{Shop(t, "arm64", variant("v8")), Shop(t, "s390x")},
			oci.LinuxAMD64,
			"",
			[]string{"linux/amd64", "linux/arm64/v8 (shop:0), linux/s390x (shop:1)"},
		},
		"newer processors": {
			[]v1.Image{Shop(t, "amd64", variant("v3"))},
			oci.LinuxAMD64,
			"",
			[]string{"linux/amd64/v3"},
		},
		"another system": {[]v1.Image{Shop(t, "amd64", windows)}, oci.LinuxAMD64, "", []string{"windows/amd64"}},
		"several": {
			[]v1.Image{Shop(t, "amd64"), Shop(t, "amd64", other)},
			oci.LinuxAMD64,
			"",
			[]string{"several", "(shop:0)", "(shop:1)"},
		},
		"nothing at all": {nil, oci.LinuxAMD64, "", []string{"nothing that can be run"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := request
			r.Platform = c.platform
			im, err := oci.FromDirectory(t.Context(), r, Layout(t, c.images...))
			if c.want != "" {
				if err != nil {
					t.Fatal(err)
				}
				defer im.Close()
				if im.Config.Architecture != c.want {
					t.Errorf("it is for %s", im.Config.Architecture)
				}
				return
			}
			imagetest.WantError[*oci.PlatformError](t, err)
			imagetest.WantBlamed(t, err, "path")
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("it does not say %q: %v", part, err)
				}
			}
		})
	}
	for text, want := range map[string]oci.Platform{
		"linux/amd64": oci.LinuxAMD64, "linux/arm64": oci.LinuxARM64, "linux/riscv64": {}, "": {}, "windows/amd64": {},
	} {
		if got, err := oci.ParsePlatform(text); got != want || (err == nil) != (want != oci.Platform{}) {
			t.Errorf("ParsePlatform(%q) = %v, %v", text, got, err)
		}
	}
}

// An index that is listed by an index, without platforms and with attestations in it, as buildx writes.
func TestNestedIndexes(t *testing.T) {
	index := v1.ImageIndex(empty.Index)
	for _, architecture := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: Shop(t, architecture)})
	}
	other := Shop(t, "amd64", func(f *v1.ConfigFile) { f.Author = "x" })
	attestation := map[string]string{"vnd.docker.reference.type": "attestation-manifest"}
	index = mutate.AppendManifests(index, mutate.IndexAddendum{
		Add:        other,
		Descriptor: v1.Descriptor{Annotations: attestation},
	})
	directory := t.TempDir()
	l := must.Get[layout.Path](t)(layout.Write(directory, empty.Index))
	if err := l.AppendIndex(index); err != nil {
		t.Fatal(err)
	}
	im, err := oci.FromDirectory(t.Context(), request, directory)
	if err != nil {
		t.Fatal(err)
	}
	defer im.Close()
	if got, err := listed(t, im); err != nil || !slices.Equal(got, shopFiles) {
		t.Errorf("got %q, %v", got, err)
	}
}
