package catalog

// Form is what the images of a template are.
type Form int

// The forms of images.
const (
	FormDisk Form = iota // disks of machines, with everything that is needed to boot
	FormRoot             // root file systems of containers
)

// ImageForm is the form of the images of templates of a type.
func ImageForm(templateType string) Form {
	if templateType == TypeContainer {
		return FormRoot
	}
	return FormDisk
}

// ImageID says which image a version has, as its source is asked for it: the identity of a container
// image, or else the digest of what is stored.
func (v Version) ImageID() string {
	if v.Root != nil && v.Root.Identity != "" {
		return v.Root.Identity
	}
	return v.Digest
}

// IsRootOfImage reports whether the base was made of the layers of a container image, so that no file
// has its bytes.
func (b Base) IsRootOfImage() bool { return len(b.Roots) > 0 && b.Roots[0].Identity != "" }
