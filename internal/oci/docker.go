package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

var errNotExist = fs.ErrNotExist

// dockerFile lists the images in what docker save wrote (Docker's image specification 1.2).
const dockerFile = "manifest.json"

// dockerImage is one of these images.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// fromDocker opens an image that docker save wrote. It returns nil, and closes nothing, if the archive
// only has a file of the same name, as a root file system may.
func fromDocker(ctx context.Context, r Request, f *tarFiles) (*Image, error) {
	data, err := readFile(r.Origin, f, dockerFile, maxManifest)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	var list []dockerImage
	if json.Unmarshal(data, &list) != nil || len(list) == 0 || list[0].Config == "" {
		return nil, nil //nolint:nilerr // it is another manifest.json
	}
	im, err := chooseDocker(ctx, r, f, list)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	im.release = f.Close
	return im, nil
}

func chooseDocker(ctx context.Context, r Request, f *tarFiles, list []dockerImage) (*Image, error) {
	if len(list) > maxImages {
		return nil, archive.Refuse(r.Origin, "", "Save the image to use alone.", "it has more than %d images",
			maxImages)
	}
	found := make([]candidate, 0, len(list))
	images := map[v1.Hash]dockerImage{}
	for _, d := range list {
		if err := context.Cause(ctx); err != nil {
			return nil, r.Origin.Unread(err)
		}
		digest, config, err := d.config(r.Origin, f)
		if err != nil {
			return nil, err
		}
		images[digest] = d
		found = append(found, candidate{
			Descriptor: v1.Descriptor{Digest: digest},
			platform:   bare(*config.platform()),
			name:       short(strings.Join(d.RepoTags, ", ")),
		})
	}
	chosen, err := choose(r.Origin, r.Platform, found)
	if err != nil {
		return nil, err
	}
	return images[chosen.Digest].open(r.Origin, f, chosen.Digest)
}

// config reads the image's configuration. The digest of the file is the image's ID, by which most
// tools name the file.
func (d dockerImage) config(o image.Origin, f *tarFiles) (digest v1.Hash, config configFile, err error) {
	data, err := readFile(o, f, d.Config, maxConfig)
	if err != nil {
		return digest, config, err
	}
	sum := sha256.Sum256(data)
	digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	named := strings.TrimPrefix(strings.TrimSuffix(path.Base(d.Config), ".json"), "sha256:")
	if _, notHex := hex.DecodeString(named); notHex == nil && len(named) == len(digest.Hex) && named != digest.Hex {
		return digest, config, archive.Refuse(o, "configuration", adviceWhole, "its digest is %s, and its name says %s",
			digest.Hex, named)
	}
	return digest, config, unmarshal(o, "configuration", data, &config.ConfigFile)
}

// open opens the image with that digest. It reads the configuration once more, because those of all
// images together may be large.
func (d dockerImage) open(o image.Origin, f *tarFiles, digest v1.Hash) (*Image, error) {
	again, config, err := d.config(o, f)
	if err != nil {
		return nil, err
	}
	if again != digest {
		return nil, o.Failed("reading", image.ErrChanged, adviceChanged)
	}
	im := &Image{Kind: DockerArchive, origin: o, identity: Identity{OfConfig, digest.String()}}
	if im.Config, err = config.read(o); err != nil {
		return nil, err
	}
	if err := config.countLayers(o, len(d.Layers)); err != nil {
		return nil, err
	}
	for n, file := range d.Layers {
		open := func(context.Context) (io.ReadCloser, error) {
			r, _, err := f.open(file)
			if errors.Is(err, errNotExist) {
				return nil, missing(o, file)
			}
			if err != nil {
				return nil, o.Unread(err)
			}
			return r, nil
		}
		im.layers = append(im.layers, archive.Layer{
			Name: named(n, len(d.Layers)), Open: open, DiffID: config.RootFS.DiffIDs[n].String(),
		})
	}
	return im, nil
}
