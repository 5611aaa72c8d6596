package transfer

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// Look is StampOf with the digest of the image, or of the file where it is none. The file, which may hold anything, is read only where it is another one than before, or
// was written to since.
func Look(ctx context.Context, path string, before localfile.Stamp) (localfile.Stamp, error) {
	now, err := localfile.StampOf(path)
	if err != nil {
		return localfile.Stamp{}, err
	}
	if before.Digest != "" && now.Same(before) {
		return before, nil
	}
	o := image.Origin{Name: path, Attribute: "path"}
	file, err := localfile.Open(o, path)
	if err != nil {
		return localfile.Stamp{}, err
	}
	if im, err := FromFile(ctx, o, image.Checksum{}, file); err == nil {
		defer im.Close()
		if seen, err := im.Look(ctx); err == nil || ctx.Err() != nil {
			return seen, err
		}
	}
	// It is no image that could be used. What it is instead, its digest tells.
	if file, err = localfile.Open(o, path); err != nil {
		return localfile.Stamp{}, err
	}
	defer file.Close()
	seen := file.Stamp()
	seen.Digest, err = DigestFile(ctx, file)
	return seen, err
}
