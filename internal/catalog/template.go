package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Strategy is how an instance's system disk is created from its version's base image: a strategy
// that package strategy knows, or one that a later version of the provider has written.
type Strategy string

// Types of templates.
const (
	TypeVM        = "vm"        // virtual machines
	TypeContainer = "container" // containers
)

// Types lists the types of templates.
func Types() []string { return []string{TypeVM, TypeContainer} }

// Template is an offer of a platform team: a name, a shape of machine, and the parameters that its
// users may set. Its images are its Versions.
type Template struct {
	ID                 TemplateID        `json:"id"`
	DisplayName        string            `json:"display_name,omitempty"`
	Description        string            `json:"description,omitempty"`
	Type               string            `json:"type"`
	Labels             map[string]string `json:"labels"`
	DefaultStrategy    Strategy          `json:"default_strategy"`
	DeletionProtection bool              `json:"deletion_protection,omitempty"`
	Spec               Spec              `json:"spec"`
	Lifecycle
	// Public templates may be read and used by every tenant.
	Public    bool          `json:"is_public,omitempty"`
	Access    AccessControl `json:"access_control"`
	Owner     string        `json:"owner"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	// Maker is the process that registered the template, as long as it is not certain that a state
	// has it.
	Maker string `json:"maker,omitempty"`
}

// Spec is the part of a template that a version may override, each member as a whole, and that the
// version freezes. A nil member sets nothing: the defaults of the profile apply. Besides what all
// kinds of instances have, it has a part for each kind.
type Spec struct {
	Hardware   *profile.Hardware              `json:"hardware_profile,omitempty"`
	Network    *profile.Network               `json:"network_profile,omitempty"`
	Storage    *profile.Storage               `json:"storage_profile,omitempty"`
	Parameters map[string]parameter.Parameter `json:"parameters"`
	VM                                        // its members are the document's own, as all were before there were kinds
	Containers
}

// Over lays the members that s sets over those of base, each as a whole.
func (s Spec) Over(base Spec) Spec {
	if s.Hardware != nil {
		base.Hardware = s.Hardware
	}
	if s.Network != nil {
		base.Network = s.Network
	}
	if s.Storage != nil {
		base.Storage = s.Storage
	}
	if s.Parameters != nil {
		base.Parameters = s.Parameters
	}
	base.VM = s.VM.over(base.VM)
	base.Containers = s.Containers.over(base.Containers)
	return base
}

// Validate returns findings for what is wrong within each member; paths start at the members'
// attribute names.
func (s Spec) Validate() finding.List {
	var fs finding.List
	fs = append(fs, s.Hardware.Validate()...)
	fs = append(fs, s.Network.Validate()...)
	fs = append(fs, s.Storage.Validate()...)
	fs = append(fs, parameter.Validate(s.Parameters)...)
	for _, p := range s.parts() {
		fs = append(fs, p.validate()...)
	}
	return fs
}

// ValidateWhole returns findings for what does not fit together in the complete spec of a template of
// a type, over or under which nothing more is laid: what the type does not have, names in texts that
// are not parameters, and parameters that drive disks that do not exist. "" is a type that is not
// known yet.
func (s Spec) ValidateWhole(of string) finding.List {
	fs := append(s.ValidateFor(of), s.validateKind(of)...)
	for _, p := range s.parts() {
		fs = append(fs, p.validateNames(s.Parameters)...)
	}
	fs = append(fs, s.validateSize()...)
	disks := s.Storage.All()
	for _, name := range naming.SortedNames(s.Parameters) {
		disk, ok := parameter.DiskOf(s.Parameters[name].Target)
		if !ok {
			continue
		}
		if _, there := disks[disk]; !there {
			fs.Add(finding.At("parameters").Key(name).Name("target"), "Disk not found",
				fmt.Sprintf("There is no disk %q in storage_profile. Disks are: %s.",
					disk, strings.Join(naming.SortedNames(disks), ", ")))
		}
	}
	return fs
}

// SpecLimit is how many bytes a spec may have: a catalog in a pool has room for it in its
// documents, and an instance's metadata have room for what they keep of it.
const SpecLimit = 8 << 20

// validateSize returns a finding for a spec that is too large for a catalog.
func (s Spec) validateSize() finding.List {
	var fs finding.List
	text, _ := json.Marshal(s) // it cannot fail: a spec has texts, numbers and maps of them
	if len(text) <= SpecLimit {
		return nil
	}
	at := finding.At("parameters")
	for _, p := range s.parts() {
		if member, size := p.largest(); size > len(text)/2 {
			at = member
		}
	}
	fs.Add(at, "Spec too large", fmt.Sprintf("Together, profiles, parameters, cloud_init and container have %.1f MiB, "+
		"and the limit is %d: have the guest fetch large content.", float64(len(text))/(1<<20), SpecLimit>>20))
	return fs
}

// Version is one immutable image of a template, with the spec that was in force when it was
// registered.
type Version struct {
	ID          VersionID `json:"id"`
	Description string    `json:"description,omitempty"`
	Lifecycle
	// DeletionProtection prevents the removal of the version while it is set.
	DeletionProtection bool   `json:"deletion_protection,omitempty"`
	Digest             string `json:"digest"` // of the stored image; see Base
	Format             string `json:"format"` // qcow2 or raw
	VirtualSize        int64  `json:"virtual_size_bytes"`
	StoredSize         int64  `json:"stored_size_bytes"`
	Transferred        int64  `json:"transferred_bytes"`
	// Parent is the version of the same template with whose image this one's was compared, so that
	// only what differs was sent.
	Parent    string `json:"parent_version,omitempty"`
	Spec      Spec   `json:"spec"`      // as frozen: the overrides over the template's
	Overrides Spec   `json:"overrides"` // the version's own settings
	// Root is the root file system of a container's version; nil for the disk of a machine.
	Root *RootImage `json:"root,omitempty"`
	// Warm asks for a warm snapshot; nil for none.
	Warm      *Warm     `json:"warm,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	// Registration says how the version was registered; nil for versions from before it was
	// recorded.
	Registration *RegistrationRecord `json:"registered,omitempty"`
	// DeletingSince is set while a process decides whether the version can be removed; nothing new
	// may stand on it then.
	DeletingSince *time.Time `json:"deleting_since,omitempty"`
	// Claim is set while the version is being registered: it cannot be used yet.
	Claim *Claim `json:"coming,omitempty"`
	// Maker is the process that registered the version, as long as it is not certain that a state
	// has it.
	Maker string `json:"maker,omitempty"`
}

// Claim is a process's claim to a version that it is registering. The document that has it is
// created first and removed last, so that everything else of the version can be found.
type Claim struct {
	Runner   string    `json:"runner"`   // process of the provider that registers it, as package lease names it
	By       string    `json:"by"`       // user
	Since    time.Time `json:"since"`    //
	Deadline time.Time `json:"deadline"` // by then it is registered, or its runner is dead
	Volume   string    `json:"volume"`   // how the names of the volumes begin that the image is sent to
}

// Lease is the lease on the registration, by the catalog's clock.
func (c Claim) Lease() lease.Lease {
	return lease.Lease{Holder: c.Runner, Since: c.Since, Deadline: c.Deadline}
}

// DeleteLease is how long a delete may take to decide. After that it counts as dead, and its mark
// no longer counts.
const DeleteLease = 2 * time.Minute

// Deleting reports whether the version is about to be deleted, by the catalog's clock.
func (v Version) Deleting(now time.Time) bool {
	if v.DeletingSince == nil {
		return false
	}
	decides := lease.Lease{Since: *v.DeletingSince, Deadline: v.DeletingSince.Add(DeleteLease)}
	return !decides.Overdue(now)
}

// BaseState is how far a base image has come.
type BaseState string

const (
	// BaseUploading means that the image is being sent; it must not be used.
	BaseUploading BaseState = "uploading"
	// BaseReady means that the image is complete and verified.
	BaseReady BaseState = "ready"
	// BaseDeleting means that the last version is gone and the image is being removed.
	BaseDeleting BaseState = "deleting"
)

// Base is a stored image, shared by all versions of the same digest. Its key in the store is
// BaseKey.
type Base struct {
	// Digest is "fsverity:HEX" of the image, as package image/verity computes it. Images of earlier
	// providers have "sha256:HEX", the SHA-256 of all bytes.
	Digest      string    `json:"digest"`
	State       BaseState `json:"state"`
	Volume      string    `json:"volume"`
	Format      string    `json:"format"`
	VirtualSize int64     `json:"virtual_size_bytes"`
	StoredSize  int64     `json:"stored_size_bytes"`
	Versions    []string  `json:"versions"` // ids of the versions that use it
	// Sources are the checksums, "sha256:HEX" or "sha512:HEX", of files that the image was read
	// from. They identify it as well as its digest does.
	Sources []string `json:"sources,omitempty"`
	// Parent is the digest of the base that this one's volume stands on: the volume holds only what
	// differs. It is "" if the volume holds everything.
	Parent string `json:"parent,omitempty"`
	// Depth is how many bases there are below it.
	Depth int `json:"depth,omitempty"`
	// Stored is "sha256:HEX" of the volume behind its header, if the volume is not the image
	// itself: for a base with a Parent.
	Stored string `json:"stored,omitempty"`
	// Children are the names of the volumes that stand on this one's: the base stays while there
	// are any. Those of a root file system also have its own volume: see Guard and Above.
	Children []string `json:"children,omitempty"`
	// UnusedSince is when a process first saw that nothing uses the base; no process has seen a use
	// since.
	UnusedSince *time.Time `json:"unused_since,omitempty"`
	// Roots are the images of containers whose root file system it is, one for each configuration and
	// manifest; none for the disk of a machine. All have the same files.
	Roots []RootImage `json:"roots,omitempty"`
	// Copy is for an image that was copied from the pool of another host. It is nil for one that was
	// registered here, as for all images of earlier providers.
	Copy *Copy `json:"copy,omitempty"`
}

// Copy is what is known of a base that another host has as well. All times are by the pool's clock.
type Copy struct {
	Runner   string    `json:"runner,omitempty"` // the process that copies it, as package lease names it
	Since    time.Time `json:"since"`
	Deadline time.Time `json:"deadline"` // by then its runner is done, or dead
	// UsedAt is when the copy was last noted to be used.
	UsedAt time.Time `json:"used_at"`
}

// Lease is the lease of the process that copies the image.
func (c Copy) Lease() lease.Lease {
	return lease.Lease{Holder: c.Runner, Since: c.Since, Deadline: c.Deadline}
}

// Round is when unused images of a pool were last looked for, for one tenant of one catalog. Its key is
// "TENANT/CATALOG".
type Round struct {
	At time.Time `json:"at"` // by the pool's clock
}

// Used reports whether anything needs the base.
func (b Base) Used() bool { return len(b.Versions)+len(b.Above()) > 0 }

// Above are the names of the other volumes that stand on this one's.
func (b Base) Above() []string {
	return slices.DeleteFunc(slices.Clone(b.Children), func(volume string) bool { return volume == b.Volume })
}

// Guard protects a root file system from earlier providers, which do not see the containers that use it:
// they keep a base that has children, and refuse to remove its last version.
func (b *Base) Guard() {
	if len(b.Roots) > 0 && !slices.Contains(b.Children, b.Volume) {
		b.Children = append(slices.Clone(b.Children), b.Volume)
	}
}

// BaseKey is the key of a digest's base in a Store: the digest, or the HEX of a SHA-256. Earlier
// providers make the same key, so they find the bases of a pool that they share with later ones.
func BaseKey(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// BaseDigest is the digest whose BaseKey a key is.
func BaseDigest(key string) string {
	if strings.Contains(key, ":") {
		return key
	}
	return "sha256:" + key
}
