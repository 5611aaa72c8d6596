package file

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// AsRoot implements source.Rooted.
func (s Source) AsRoot(p oci.Platform) source.RootSource { return root{s, p} }

// root is an archive, a raw ext4 file system, or a directory with an OCI layout.
type root struct {
	Source
	platform oci.Platform
}

var (
	_ source.Rooted  = Source{}
	_ source.Probed  = root{}
	_ source.Watched = root{}
)

// Same implements source.Source.
func (r root) Same(other source.Source) bool {
	o, is := other.(root)
	return is && r.Source == o.Source
}

// OpenRoot implements source.RootSource.
func (r root) OpenRoot(ctx context.Context) (source.Root, error) {
	if err := r.Validate(); err != nil {
		return source.Root{}, err
	}
	return r.open(ctx, r.Expected())
}

func (r root) open(ctx context.Context, want image.Checksum) (source.Root, error) {
	request := source.RootRequest(r, r.platform)
	request.Want = want
	if r.isDirectory() {
		im, err := oci.FromDirectory(ctx, request, r.Path)
		return source.Root{Image: im}, err
	}
	f, err := localfile.Open(source.Origin(r), r.Path)
	if err != nil {
		return source.Root{}, err
	}
	return source.RootOfFile(ctx, request, f)
}

func (s Source) isDirectory() bool {
	info, err := os.Stat(s.Path)
	return err == nil && info.IsDir()
}

// isLayout reports whether a directory has the index of an OCI layout.
func isLayout(directory string) bool {
	_, err := os.Stat(filepath.Join(directory, "index.json"))
	return err == nil
}

// Probe implements source.Probed. How large the file system becomes shows when it is written.
func (r root) Probe(ctx context.Context) (source.Probe, error) {
	opened, err := r.OpenRoot(ctx)
	if err != nil {
		return source.Probe{}, err
	}
	var found source.Probe
	if opened.Disk != nil {
		found = source.Probe{VirtualSize: opened.Disk.VirtualSize, Size: opened.Disk.Size}
	}
	return found, opened.Close()
}

// Stamp implements source.Watched. An OCI layout in a directory is known by its index.
func (r root) Stamp(context.Context) (source.Stamp, error) {
	seen, err := r.stamp()
	return stamp{seen}, err
}

func (r root) stamp() (localfile.Stamp, error) {
	path := r.Path
	if r.isDirectory() {
		path = filepath.Join(path, "index.json")
	}
	return localfile.StampOf(path)
}

// Look implements source.Watched. The form counts for a raw ext4 file system alone.
func (r root) Look(ctx context.Context, before []byte, form digest.Form) (source.Stamp, error) {
	var noted localfile.Stamp
	if len(before) > 0 {
		_ = json.Unmarshal(before, &noted) // an unreadable stamp counts as none
	}
	now, err := r.stamp()
	if err != nil {
		return stamp{}, err
	}
	if noted.Digest != "" && now.Same(noted) {
		return stamp{noted}, nil
	}
	now.Digest, err = r.identity(ctx, image.Checksum{}, form)
	return stamp{now}, err
}

// Read implements source.Watched.
func (r root) Read(ctx context.Context, form digest.Form) (source.Stamp, error) {
	seen, _ := r.stamp() // before opening: Open reports what is wrong
	if err := r.Validate(); err != nil {
		return stamp{}, err
	}
	var err error
	seen.Digest, err = r.identity(ctx, r.Expected(), form)
	return stamp{seen}, err
}

// identity reads which image there is.
func (r root) identity(ctx context.Context, want image.Checksum, form digest.Form) (_ string, err error) {
	opened, err := r.open(ctx, want)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return opened.Identity(ctx, form)
}
