package probe

import (
	"bytes"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Stream is Image for a stream of size bytes. What names it in messages. Whole is the stream from
// its first byte on.
func Stream(what string, r io.Reader, size int64) (format image.Format, virtualSize int64, whole io.Reader, err error) {
	head, err := io.ReadAll(io.LimitReader(r, HeadSize))
	if err != nil {
		return "", 0, nil, err
	}
	format, virtualSize, err = Image(image.Origin{Name: what, Attribute: "path"}, bytes.NewReader(head), size)
	return format, virtualSize, io.MultiReader(bytes.NewReader(head), r), err
}
