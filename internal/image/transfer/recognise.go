package transfer

import (
	"bytes"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Recognise tells what an image is that arrives as a stream of size bytes, by its content, and refuses what Open would. what
// names it in messages. whole is the stream from its first byte on.
func Recognise(what string, r io.Reader, size int64) (format image.Format, virtualSize int64, whole io.Reader, err error) {
	head, err := io.ReadAll(io.LimitReader(r, headSize))
	if err != nil {
		return "", 0, nil, err
	}
	format, virtualSize, err = probe(image.Origin{Name: what, Attribute: "path"}, bytes.NewReader(head), size)
	return format, virtualSize, io.MultiReader(bytes.NewReader(head), r), err
}
