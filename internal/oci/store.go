package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Store has images as manifests, configurations and layers, each by its digest. Its content need not
// be trusted: FromStore verifies digests and sizes.
type Store interface {
	// Images are the manifests and indexes that there are to choose from: of an OCI layout, those that
	// its index.json lists; of a registry, the one that a reference stands for.
	Images(ctx context.Context) ([]v1.Descriptor, error)
	// Open opens what a descriptor describes. A layer is opened twice or more.
	Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// Close is called once, when the image is closed or was not found.
	Close() error
}

const (
	maxManifest = 4 << 20 // bytes of a manifest or an index, as registries have it
	maxConfig   = 8 << 20 // bytes of a configuration
	maxDepth    = 4       // of indexes in indexes
	maxImages   = 1000    // to choose from, and indexes that list them
	maxLayers   = 1000    // of an image
)

// FromStore opens the image for a platform that a store has. It closes the store, also when it fails.
// Request.Want is not used.
//
// Errors: *archive.RefusedError, *PlatformError, and those of the store.
func FromStore(ctx context.Context, r Request, s Store) (*Image, error) {
	return fromStore(ctx, r, s, Stored)
}

func fromStore(ctx context.Context, r Request, s Store, kind Kind) (*Image, error) {
	im, err := (&choosing{ctx: ctx, Request: r, store: s}).open()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	im.Kind, im.release = kind, s.Close
	return im, nil
}

// choosing looks for an image in a store.
type choosing struct {
	ctx context.Context //nolint:containedctx // it lives as long as the call
	Request
	store Store

	seen  int
	found []candidate
}

func (c *choosing) open() (*Image, error) {
	top, err := c.store.Images(c.ctx)
	if err != nil {
		return nil, err
	}
	if err := c.collect(top, "", 0); err != nil {
		return nil, err
	}
	chosen, err := choose(c.Origin, c.Platform, c.found)
	if err != nil {
		return nil, err
	}
	m, err := c.manifest(chosen.Descriptor)
	if err != nil {
		return nil, err
	}
	return c.image(chosen, m)
}

// Annotations of descriptors: the OCI specification's for the name of an image, containerd's for the
// same, and that of BuildKit for what describes an image, and is none.
const (
	nameAnnotation        = "org.opencontainers.image.ref.name"
	containerdAnnotation  = "io.containerd.image.name"
	attestationAnnotation = "vnd.docker.reference.type"
)

// collect finds all images that descriptors lead to.
func (c *choosing) collect(from []v1.Descriptor, name string, depth int) error {
	for _, d := range from {
		if err := context.Cause(c.ctx); err != nil {
			return c.Origin.Unread(err)
		}
		if c.seen++; c.seen > maxImages || depth > maxDepth {
			return archive.Refuse(c.Origin, "", "Export the image to use alone.",
				"it lists more than %d images, or lists in more than %d lists", maxImages, maxDepth)
		}
		own := name
		for _, key := range []string{nameAnnotation, containerdAnnotation} {
			if given := d.Annotations[key]; given != "" {
				own = given
			}
		}
		switch {
		case d.Annotations[attestationAnnotation] != "":
		case d.MediaType.IsSchema1():
			return archive.Refuse(c.Origin, "", "Push or export it again with a current tool.",
				"its manifest has Docker's first format, which names no layers by their content")
		case d.MediaType.IsIndex():
			var index v1.IndexManifest
			if err := c.read(d, "index", maxManifest, &index); err != nil {
				return err
			}
			if err := c.collect(index.Manifests, own, depth+1); err != nil {
				return err
			}
		case d.MediaType.IsImage():
			if err := c.add(d, own); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds an image. If its descriptor does not say for which platform it is, its configuration does.
func (c *choosing) add(d v1.Descriptor, name string) error {
	found := candidate{
		Descriptor: v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size},
		name:       short(name),
	}
	if d.Platform != nil {
		found.platform = bare(*d.Platform)
	} else {
		m, err := c.manifest(d)
		if err != nil {
			return err
		}
		if !m.Config.MediaType.IsConfig() { // an artifact, such as a signature
			return nil
		}
		f, err := c.config(m)
		if err != nil {
			return err
		}
		found.platform = bare(*f.platform())
	}
	c.found = append(c.found, found)
	return nil
}

func (c *choosing) manifest(d v1.Descriptor) (m v1.Manifest, err error) {
	err = c.read(d, "manifest", maxManifest, &m)
	if err == nil && m.MediaType != "" && m.MediaType != d.MediaType {
		err = archive.Refuse(c.Origin, "manifest", adviceWhole, "its type is %s, and the index says %s",
			shown(string(m.MediaType)), shown(string(d.MediaType)))
	}
	return m, err
}

func (c *choosing) config(m v1.Manifest) (f configFile, err error) {
	err = c.read(m.Config, "configuration", maxConfig, &f.ConfigFile)
	return f, err
}

// read reads and verifies a JSON document of at most limit bytes.
func (c *choosing) read(d v1.Descriptor, what string, limit int64, into any) error {
	if d.Size < 0 || d.Size > limit {
		return archive.Refuse(c.Origin, what, adviceWhole, "it has %d bytes, and at most %d are usual", d.Size, limit)
	}
	open := func(ctx context.Context) (io.ReadCloser, error) { return c.store.Open(ctx, d) }
	in, err := archive.OpenVerified(c.ctx, c.Origin, what, d.Digest.String(), d.Size, open)
	if err != nil {
		return err
	}
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		return unread(c.Origin, err)
	}
	return unmarshal(c.Origin, what, data, into)
}

func unmarshal(o image.Origin, what string, data []byte, into any) error {
	err := json.NewDecoder(bytes.NewReader(data)).Decode(into)
	if err != nil {
		return archive.Refuse(o, what, adviceWhole, "it is no JSON document as the OCI specification has it (%v)", err)
	}
	return nil
}

// image opens an image by its manifest.
func (c *choosing) image(chosen candidate, m v1.Manifest) (*Image, error) {
	if !m.Config.MediaType.IsConfig() {
		return nil, archive.Refuse(c.Origin, "manifest", "Use an image of a container.",
			"it is an artifact of the type %s, and no image", shown(string(m.Config.MediaType)))
	}
	f, err := c.config(m)
	if err != nil {
		return nil, err
	}
	if !c.Platform.runs(*f.platform()) {
		return nil, archive.Refuse(c.Origin, "configuration", adviceWhole, "it says %s, and the index says %s",
			shown(f.platform().String()), shown(chosen.platform.String()))
	}
	im := &Image{
		origin:   c.Origin,
		identity: Identity{OfConfig, m.Config.Digest.String()},
		manifest: chosen.Digest.String(),
	}
	if im.Config, err = f.read(c.Origin); err != nil {
		return nil, err
	}
	if err := f.countLayers(c.Origin, len(m.Layers)); err != nil {
		return nil, err
	}
	for n, d := range m.Layers {
		name := named(n, len(m.Layers))
		if err := checkLayer(c.Origin, name, d); err != nil {
			return nil, err
		}
		im.layers = append(im.layers, archive.Layer{
			Name:   name,
			Open:   func(ctx context.Context) (io.ReadCloser, error) { return c.store.Open(ctx, d) },
			Digest: d.Digest.String(),
			Size:   d.Size,
			DiffID: f.RootFS.DiffIDs[n].String(),
		})
	}
	return im, nil
}

// checkLayer refuses layers that are none.
func checkLayer(o image.Origin, name string, d v1.Descriptor) error {
	switch {
	case !d.MediaType.IsLayer():
		return archive.Refuse(o, name, "Use an image whose layers are tar archives, and not encrypted.",
			"its type is %s, which is no layer of a root file system", shown(string(d.MediaType)))
	case d.Size < 0:
		return archive.Refuse(o, name, adviceWhole, "it has %d bytes", d.Size)
	}
	return nil
}

// The files of an OCI layout (image-layout.md of the OCI image specification).
const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"
)

// layout is the Store that an OCI layout is.
type layout struct {
	origin image.Origin
	files
}

func fromFiles(ctx context.Context, r Request, f files) (*Image, error) {
	return fromStore(ctx, r, layout{r.Origin, f}, Layout)
}

// Images implements Store.
func (l layout) Images(context.Context) ([]v1.Descriptor, error) {
	var version struct {
		Version string `json:"imageLayoutVersion"`
	}
	var index v1.IndexManifest
	for name, into := range map[string]any{layoutFile: &version, indexFile: &index} {
		data, err := readFile(l.origin, l.files, name, maxManifest)
		if err != nil {
			return nil, err
		}
		if err := unmarshal(l.origin, name, data, into); err != nil {
			return nil, err
		}
	}
	if version.Version != "1.0.0" {
		return nil, archive.Refuse(l.origin, layoutFile, "Export it as an OCI layout of version 1.0.0.",
			"the version of the layout is %q", version.Version)
	}
	for n, d := range index.Manifests { // older tools leave the type out
		if d.MediaType == "" {
			index.Manifests[n].MediaType = types.OCIManifestSchema1
		}
	}
	return index.Manifests, nil
}

// Open implements Store.
func (l layout) Open(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	name := fmt.Sprintf("blobs/%s/%s", d.Digest.Algorithm, d.Digest.Hex)
	r, _, err := l.open(name)
	if errors.Is(err, errNotExist) {
		return nil, missing(l.origin, name)
	}
	if err != nil {
		return nil, l.origin.Unread(err)
	}
	return r, nil
}
