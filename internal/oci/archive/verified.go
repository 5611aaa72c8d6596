package archive

import (
	"context"
	"encoding/hex"
	"hash"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// OpenVerified opens content and verifies digest, "ALGORITHM:hex", and size while it is read: the
// reader returns a *RefusedError in place of io.EOF if they are others, and as soon as there are more
// bytes than size. What names the content in messages: "layer 2 of 3".
func OpenVerified(
	ctx context.Context, o image.Origin, what, digest string, size int64,
	open func(context.Context) (io.ReadCloser, error),
) (io.ReadCloser, error) {
	want, err := image.ParseChecksum(digest)
	if err != nil {
		return nil, Refuse(o, what, "Export it again.", "its digest %s is not usable", quote(digest))
	}
	r, err := open(ctx)
	if err != nil {
		return nil, err
	}
	return &verified{ReadCloser: r, origin: o, what: what, want: want, sum: want.New(), left: size, size: size}, nil
}

// verified compares what it reads with a digest and a size.
type verified struct {
	io.ReadCloser
	origin image.Origin
	what   string
	want   image.Checksum
	sum    hash.Hash
	left   int64
	size   int64
}

const adviceExport = "It is damaged, or was changed: export it again."

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	v.left -= int64(n)
	v.sum.Write(p[:n])
	switch {
	case v.left < 0:
		return 0, Refuse(v.origin, v.what, adviceExport, "it has more than the %d bytes that its manifest says", v.size)
	case !image.Ended(err):
		return n, err
	case v.left > 0:
		return n, Refuse(v.origin, v.what, adviceExport, "it has %d bytes, and its manifest says %d", v.size-v.left,
			v.size)
	}
	if got := v.want.Algorithm() + ":" + hex.EncodeToString(v.sum.Sum(nil)); got != v.want.String() {
		return n, Refuse(v.origin, v.what, adviceExport, "its digest is %s, and its manifest says %s", got, v.want)
	}
	return n, io.EOF
}
