package oci_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/ocitest"
)

// weighed is a context that measures the memory in use each time it is looked at.
type weighed struct {
	context.Context         //nolint:containedctx // it is one
	most            *uint64 // bytes
}

func (w weighed) Err() error {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	*w.most = max(*w.most, m.HeapAlloc)
	return w.Context.Err()
}

// Many images with large documents are looked through one by one.
func TestManyImagesTakeLittleMemory(t *testing.T) {
	const count, each = 16, 2 << 20 // bytes of a document
	large := func(n int) string { return fmt.Sprint(n) + strings.Repeat("x", each) }
	inFile := func(content []byte) func(context.Context, oci.Request) (*oci.Image, error) {
		path := imagetest.WriteFile(t, content)
		return func(ctx context.Context, r oci.Request) (*oci.Image, error) {
			return oci.FromFile(ctx, r, must.Get[*localfile.File](t)(localfile.Open(r.Origin, path)))
		}
	}
	for form, open := range map[string]func(context.Context, oci.Request) (*oci.Image, error){
		"docker": inFile(func() []byte {
			images := map[string]v1.Image{}
			for n := range count {
				images[fmt.Sprintf("shop:%d", n)] = must.Get[v1.Image](t)(mutate.ConfigFile(empty.Image, &v1.ConfigFile{
					OS: "linux", Architecture: "amd64", Config: v1.Config{Labels: map[string]string{"large": large(n)}},
				}))
			}
			return ocitest.DockerArchive(t, images)
		}()),
		"layout": inFile(func() []byte {
			index := v1.ImageIndex(empty.Index)
			for n := range count {
				im := must.Get[v1.Image](t)(mutate.ConfigFile(empty.Image, &v1.ConfigFile{
					OS: "linux", Architecture: "amd64", Config: v1.Config{User: fmt.Sprint(n)},
				}))
				one := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: im, Descriptor: v1.Descriptor{
					Annotations: map[string]string{"org.opencontainers.image.ref.name": large(n)},
				}})
				index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one})
			}
			directory := t.TempDir()
			must.Get[layout.Path](t)(layout.Write(directory, index))
			return ocitest.Packed(t, directory)
		}()),
	} {
		t.Run(form, func(t *testing.T) {
			var most uint64
			_, err := open(weighed{t.Context(), &most}, request)
			if many, ok := errors.AsType[*oci.PlatformError](err); !ok || !many.Many || len(err.Error()) > 8<<10 {
				t.Errorf("%.200v", err)
			}
			if most == 0 || most > count*each/2 {
				t.Errorf("it took %d MiB", most>>20)
			}
		})
	}
}
