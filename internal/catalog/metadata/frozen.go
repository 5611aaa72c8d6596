package metadata

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Frozen is a version as it was when an instance was created from it. The instance's metadata keep
// it as JSON, deflated (RFC 1951) and in base64, because it is written into every definition and
// read only for changes. With it the instance can be changed even when the version is no longer
// visible. It is "" for older instances.
type Frozen string

// frozen is the content of a Frozen.
type frozen struct {
	Spec        catalog.Spec       `json:"spec"`
	VirtualSize int64              `json:"virtual_size_bytes"`
	Root        *catalog.RootImage `json:"root,omitempty"`
}

// Freeze keeps those parts of a version that changes of its instances need. It leaves out what the
// guest was told at its first boot, because that is no longer needed.
func Freeze(v catalog.Version) (Frozen, error) {
	v.Spec.CloudInit = nil
	text, err := json.Marshal(frozen{v.Spec, v.VirtualSize, runnable(v.Root)})
	if err != nil {
		return "", fmt.Errorf("keeping version %q for its instance: %w", v.ID, err)
	}
	if len(text) > frozenLimit {
		return "", fmt.Errorf("keeping version %q for its instance: it has %d bytes without its user data, and "+
			"the limit is %d", v.ID, len(text), frozenLimit)
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	return Frozen(base64.StdEncoding.EncodeToString(packed.Bytes())), err
}

// runnable is what changes of a container need of its image. It is nil for a machine's.
func runnable(r *catalog.RootImage) *catalog.RootImage {
	if r == nil {
		return nil
	}
	kept := *r
	kept.Labels, kept.Volumes, kept.ExposedPorts = nil, nil, nil
	return &kept
}

// frozenLimit is how many bytes a frozen version may have: anyone may write metadata, and few bytes
// can inflate to many.
const frozenLimit = catalog.SpecLimit

// FrozenVersion returns the version that the instance was created from; found is false if the
// metadata do not have it. It returns ErrDamaged if they cannot be read.
func (f Facts) FrozenVersion() (v catalog.Version, found bool, err error) {
	if f.Frozen == "" {
		return v, false, nil
	}
	id, err := catalog.ParseTemplateID(f.Template)
	if err != nil {
		return v, false, fmt.Errorf("the metadata of instance %s/%s are %w: %w",
			f.Tenant, f.Name, catalog.ErrDamaged, err)
	}
	packed := base64.NewDecoder(base64.StdEncoding, bytes.NewBufferString(string(f.Frozen)))
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(packed), frozenLimit))
	var kept frozen
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		return v, false, fmt.Errorf("the metadata of instance %s/%s are %w: reading what "+
			"it was made of: %w", f.Tenant, f.Name, catalog.ErrDamaged, err)
	}
	return catalog.Version{
		ID: id.Version(f.Version), Digest: f.Digest, VirtualSize: kept.VirtualSize, Spec: kept.Spec, Root: kept.Root,
	}, true, nil
}
