package imagestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// The root file system of a container is stored as a base like the disk of a machine: a raw volume with
// an ext4 file system. The image that it is made from is read twice. The first reading finds out which
// files there are; the second one writes them into the volume, and hashes what is written.
//
// Its bytes follow from the layers alone. So the base is also known, among its Sources, by everything
// that stands for the layers, and by the format of the file system: an image that the pool has is
// found before its files are read.

// rooting is a request for the root file system of a container.
type rooting struct {
	holding
	from source.RootSource
}

// store stores the root file system in a new base, unless there is one. It returns takenError if
// another process does so.
func (r rooting) store(ctx context.Context, attempt int) (held Held, err error) {
	opened, err := r.from.OpenRoot(ctx)
	if err != nil {
		return held, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if opened.Disk != nil { // it is a file system already
		held.Root = &catalog.RootImage{}
		held.Base, held.Transferred, err = r.sendBase(ctx, opened.Disk, attempt, []catalog.RootImage{*held.Root})
		return held, err
	}
	r.Steps.Done("open")
	return flattening{rooting: r, image: opened.Image}.store(ctx, attempt)
}

// flattening makes one root file system of an image.
type flattening struct {
	rooting
	image *oci.Image
	tree  *flatten.Tree      // nil while it is not known
	root  *catalog.RootImage // nil while it is not known
}

func (f flattening) store(ctx context.Context, attempt int) (held Held, err error) {
	u := f.newUpload(naming.Base(f.Stem, attempt, string(image.FormatRaw)), string(image.FormatRaw))
	defer func() { err = u.rollBackOn(ctx, err) }()
	known := f.image.Identity() != (oci.Identity{})
	if known {
		if held, err := f.join(ctx); !errors.Is(err, catalog.ErrNotFound) {
			return held, err
		}
		if err := f.reserve(ctx, u); err != nil {
			return held, err
		}
	}
	if err := f.index(ctx); err != nil {
		return held, err
	}
	f.Steps.Done("index")
	if !known {
		if held, err := f.join(ctx); !errors.Is(err, catalog.ErrNotFound) {
			return held, err
		}
		if err := f.reserve(ctx, u); err != nil {
			return held, err
		}
	}
	u.base.Roots = []catalog.RootImage{*f.root}
	held.Root = f.root
	held.Transferred, err = f.send(ctx, u)
	held.Base = u.base
	return held, err
}

// formatted is what stands for a root file system: the layers, by what stands for them, and the format
// in which the file system is written.
func formatted(layers string) string { return fmt.Sprintf("%s@ext4-%d", layers, ext4.Format) }

// keys are what the root file system is known by, among the Sources of bases.
func (f flattening) keys() []string {
	return []string{formatted(f.image.Identity().String()), formatted("content:" + f.image.Content())}
}

// join joins a base that has, or will have, the root file system. It returns catalog.ErrNotFound if
// there is none.
func (f *flattening) join(ctx context.Context) (Held, error) {
	keys, gone := f.keys(), ""
	for {
		found, err := f.find(ctx, func(base catalog.Base) bool {
			return slices.ContainsFunc(base.Sources, func(key string) bool { return slices.Contains(keys, key) })
		})
		if err == nil && found.Digest == gone { // the list is older than what another host did last
			err = catalog.ErrNotFound
		}
		if err != nil {
			return Held{}, err
		}
		root := rootOf(found, f.image.Identity().String(), f.image.Manifest())
		if root == nil {
			if err := f.index(ctx); err != nil {
				return Held{}, err
			}
			root = f.root
		}
		if want := f.Source.Expected(); want != (image.Checksum{}) {
			keys = append(keys, want.String())
		}
		base, err := joiner{Store: f.Store, sources: keys, root: root}.join(ctx, found.Digest, f.Version)
		if errors.Is(err, catalog.ErrNotFound) { // it was only reserved, or the process has died
			gone = found.Digest
			continue
		}
		return f.joined(ctx, Held{Base: base, Root: root}, err)
	}
}

// reserve has other processes wait that are to store the same files. Since this process last looked,
// another one may have stored them.
func (f flattening) reserve(ctx context.Context, u *upload) error {
	u.base.Sources = append(u.base.Sources, f.keys()...)
	sum := sha256.Sum256([]byte(formatted(f.image.Content())))
	reserved := "sha256:" + hex.EncodeToString(sum[:])
	if err := u.reserveAs(ctx, reserved); err != nil {
		return err
	}
	keys := f.keys()
	found, err := f.find(ctx, func(base catalog.Base) bool {
		return base.Digest != reserved && slices.Contains(base.Sources, keys[len(keys)-1])
	})
	if err == nil { // the list may be older than what another host did last
		_, err = f.bases.Get(ctx, catalog.BaseKey(found.Digest))
	}
	if err == nil {
		return &takenError{digest: reserved}
	}
	return catalog.IgnoreNotFound(err)
}

// index finds out which files the image results in, and what is known of it.
func (f *flattening) index(ctx context.Context) error {
	if f.tree != nil {
		return nil
	}
	tree, err := f.image.Index(ctx, oci.Options{Devices: archive.NoDevices})
	if err != nil {
		return err
	}
	users, err := tree.Users(ctx)
	if err != nil {
		return err
	}
	f.tree, f.root = tree, describe(f.image, users)
	return nil
}

// send writes the root file system into a new volume, and makes it a ready base.
func (f flattening) send(ctx context.Context, u *upload) (sent int64, err error) {
	stats := f.tree.Stats()
	if _, err := f.pool.CheckRoom(ctx, atMost(stats)); err != nil {
		return 0, err
	}
	if err := u.create(ctx, ext4.BlockSize); err != nil { // it grows with what is written
		return 0, err
	}
	conn, err := f.host.OpenTransfer(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	to, err := u.rootSink(ctx, conn, throttled(f.Progress, stats.Bytes))
	if err != nil {
		return 0, err
	}
	entries := f.tree.Open(ctx)
	written, err := ext4.SendOnce(ctx, ext4.Options{
		Origin: source.Origin(f.Source),
		Label:  "nova-base",
		Seed:   f.image.Content(),
	}, from(entries), to)
	if err = errors.Join(err, entries.Close()); err == nil {
		err = to.end(written.Size)
	}
	err = errors.Join(err, to.close())
	if err != nil {
		return to.sent, err
	}
	f.Steps.Done(to.step())
	u.base.VirtualSize, u.base.StoredSize = written.Size, written.Size
	if err := u.claim(ctx, to.digest(written.Size)); err != nil {
		return to.sent, err
	}
	volume, err := u.recognised(ctx)
	if err == nil {
		err = u.kept(ctx, conn, volume, to.sent, f.VerifyFull)
	}
	f.Steps.Done("verify")
	if err == nil {
		err = u.publish(ctx)
	}
	return to.sent, err
}

// atMost is how many bytes a file system can take that has such files.
func atMost(s flatten.Stats) int64 {
	files, directories := int64(s.Files), int64(s.Directories)
	bytes := s.Bytes + ext4.BlockSize*(files+2*directories) + 256*(files+directories)
	return bytes + bytes>>7 + 1<<20
}

// maxRoots is how many images a base keeps: builds of the same layers may differ each day. What is not
// kept of an image is read from its source again.
const maxRoots = 16

// withRoot is what a base keeps with another image.
func withRoot(roots []catalog.RootImage, root catalog.RootImage) []catalog.RootImage {
	all := append(slices.Clone(roots), root)
	return all[max(0, len(all)-maxRoots):]
}

// rootOf is the image with an identity and a manifest among those that a base has the files of; nil for
// none.
func rootOf(base catalog.Base, identity, manifest string) *catalog.RootImage {
	n := slices.IndexFunc(base.Roots, func(r catalog.RootImage) bool {
		return r.Identity == identity && r.Manifest == manifest
	})
	if n < 0 {
		return nil
	}
	return &base.Roots[n]
}
