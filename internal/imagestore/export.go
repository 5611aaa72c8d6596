package imagestore

import (
	"context"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
)

// Stored is an image as a library stores it: the whole image, or what differs from another one.
type Stored struct {
	Base catalog.Base                  // without what belongs to one library: volume, state and users
	Open func() (io.ReadCloser, error) // its file, of StoredSize bytes
	// Blocks opens the map of its disk's blocks. It is nil if there is none, as for an image that
	// stands alone, which can be read again.
	Blocks func() (io.ReadCloser, error)
}

// ChainOf lists the bases of a version's image: its base, the one that this stands on, and so on.
func (st *Store) ChainOf(ctx context.Context, v catalog.Version) ([]catalog.Base, error) {
	chain, err := chainReader{st.Base}.of(ctx, v.Digest)
	if err != nil {
		return nil, fmt.Errorf("reading the image of version %q: %w", v.ID, err)
	}
	return chain, nil
}

// Read writes a base's image as it is stored, and returns an error unless every byte matches its
// digest.
func (st *Store) Read(ctx context.Context, base catalog.Base, w io.Writer) error {
	transfer, err := st.host.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer transfer.Close()
	want, from := content(base)
	form, err := digest.FormOf(want)
	if err != nil {
		return err
	}
	sum := form.New()
	both := io.MultiWriter(w, &tail{skip: from, w: sum})
	if err := transfer.Download(ctx, st.poolName, base.Volume, both, 0, 0); err != nil {
		return err
	}
	return sameDigest(want, sum.Sum(), fmt.Sprintf("the image in volume %q of pool %q", base.Volume, st.poolName))
}

// tail passes on everything after the first skip bytes.
type tail struct {
	skip int64
	w    io.Writer
}

func (t *tail) Write(p []byte) (int, error) {
	n := min(t.skip, int64(len(p)))
	t.skip -= n
	_, err := t.w.Write(p[n:])
	return len(p), err
}

func sameDigest(want, got, what string) error {
	if got != want {
		return &contentError{what, got, want}
	}
	return nil
}

// contentError says that what was read of an image is not the image.
type contentError struct{ what, got, want string }

func (e *contentError) Error() string {
	return fmt.Sprintf("%s is damaged: its digest is %s, and should be %s", e.what, e.got, e.want)
}
