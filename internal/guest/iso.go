package guest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/kdomanski/iso9660"
)

const (
	// volumeLabel is the label by which cloud-init's NoCloud data source finds its medium.
	volumeLabel = "cidata"

	// sectorSize is the sector size of ISO 9660; each file begins at a multiple of it.
	sectorSize = 2048

	// markerSize is long enough for a random marker to be found in one place only.
	markerSize = 16
)

// seedFile is a file of the image. Its marker stands in for its content on disk.
type seedFile struct {
	name    string
	content []byte
	marker  []byte
}

// ISO returns the files as an ISO 9660 image with the label "cidata", as cloud-init looks for it on
// a CD-ROM. Files shorter than 16 bytes are padded with newlines, which are harmless in YAML.
// Images of the same files differ only in the volume's timestamps.
func (f Files) ISO() ([]byte, error) {
	image, err := f.iso(func() error { return nil })
	if err != nil {
		return nil, fmt.Errorf("making the cloud-init seed image: %w", err)
	}
	return image, nil
}

// iso builds the image. The library copies every file to a temporary directory, which must hold no
// secret: it gets a random marker and zeros of the same length instead, and the contents are laid
// over them in memory. staged is called when that directory has all that it will ever have.
func (f Files) iso(staged func() error) (_ []byte, err error) {
	writer, err := iso9660.NewWriter()
	if err != nil {
		return nil, fmt.Errorf("creating a temporary directory for its layout (no content goes there): %w", err)
	}
	defer func() { err = errors.Join(err, writer.Cleanup()) }()

	files := f.list()
	for i := range files {
		placeholder := make([]byte, len(files[i].content))
		mark(placeholder[:markerSize])
		files[i].marker = placeholder[:markerSize]
		if err := writer.AddFile(bytes.NewReader(placeholder), files[i].name); err != nil {
			return nil, fmt.Errorf("laying out %s: %w", files[i].name, err)
		}
	}
	if err := staged(); err != nil {
		return nil, err
	}
	var image bytes.Buffer
	if err := writer.WriteTo(&image, volumeLabel); err != nil {
		return nil, fmt.Errorf("writing the layout: %w", err)
	}
	return image.Bytes(), fill(image.Bytes(), files)
}

// mark fills in a random marker that does not begin with a zero. The library fills the last sector
// of a file with the previous content of its buffer. So the end of the marker appears again after
// the zeros of a file that is a little longer than its sectors.
func mark(marker []byte) {
	rand.Read(marker) // never fails, see crypto/rand
	marker[0] |= 1
}

func (f Files) list() []seedFile {
	files := []seedFile{
		{name: "user-data", content: f.UserData},
		{name: "meta-data", content: f.MetaData},
	}
	if f.NetworkConfig != nil {
		files = append(files, seedFile{name: "network-config", content: f.NetworkConfig})
	}
	if f.VendorData != nil {
		files = append(files, seedFile{name: "vendor-data", content: f.VendorData})
	}
	for i, file := range files {
		if missing := markerSize - len(file.content); missing > 0 {
			files[i].content = append(bytes.Clone(file.content), bytes.Repeat([]byte("\n"), missing)...)
		}
	}
	return files
}

// fill lays the files' contents over their markers. It finds every marker before it writes
// anything: a content cannot be taken for a marker.
func fill(image []byte, files []seedFile) error {
	offsets := make([]int, len(files))
	for i, file := range files {
		at := bytes.Index(image, file.marker)
		if at < 0 || at%sectorSize != 0 || at+wholeSectors(len(file.content)) > len(image) ||
			bytes.LastIndex(image, file.marker) != at {
			return fmt.Errorf("%s is not where the image's layout should have it; this is a bug of the provider",
				file.name)
		}
		offsets[i] = at
	}
	for i, file := range files {
		end := offsets[i] + copy(image[offsets[i]:], file.content)
		// The library fills the last sector with the previous content of its buffer.
		clear(image[end:wholeSectors(end)])
	}
	return nil
}

func wholeSectors(size int) int {
	return (size + sectorSize - 1) / sectorSize * sectorSize
}
