package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// Warm asks for a warm snapshot of a version: the memory and the disk of a guest that was booted
// from the version's image, and sealed before it had an identity. Instances are resumed from it.
type Warm struct {
	// Hardware is laid over the version's own; nil for the version's own. A resumed guest has the
	// hardware of its snapshot.
	Hardware *profile.Hardware `json:"hardware_profile,omitempty"`
	// SettleSeconds is how long the guest is left alone, idle, before its memory is saved.
	SettleSeconds int64 `json:"settle_seconds,omitempty"`
	// SealCommands run in the guest as the last ones before its memory is saved, by its shell.
	SealCommands []string `json:"seal_commands,omitempty"`
	// ResumeCommands run in each guest that is resumed, once it has an identity of its own and before
	// it is personalised, by its shell.
	ResumeCommands []string `json:"resume_commands,omitempty"`
}

// MaxSettle is how long a guest may be left alone before its memory is saved, in seconds.
const MaxSettle = 3600

// Validate returns findings for what is wrong; w may be nil. Paths start at warm.
func (w *Warm) Validate() finding.List {
	var fs finding.List
	if w == nil {
		return nil
	}
	at := finding.At("warm")
	for _, f := range w.Hardware.Validate() {
		f.Path = slices.Concat(at, f.Path)
		fs = append(fs, f)
	}
	if w.SettleSeconds < 0 || w.SettleSeconds > MaxSettle {
		fs.Add(at.Name("settle_seconds"), "Value out of range",
			fmt.Sprintf("%d is not between 0 and %d.", w.SettleSeconds, MaxSettle))
	}
	checkCommands(&fs, at.Name("seal_commands"), w.SealCommands)
	checkCommands(&fs, at.Name("resume_commands"), w.ResumeCommands)
	return fs
}

func checkCommands(fs *finding.List, at finding.Path, commands []string) {
	for i, command := range commands {
		if strings.TrimSpace(command) == "" {
			fs.Add(at, "Empty command", fmt.Sprintf("Element %d runs nothing: write a command of the guest's "+
				"shell, or remove it.", i))
		}
	}
}

// SnapshotState is how far a snapshot has come.
type SnapshotState string

const (
	// SnapshotMaking means that a process boots and seals the guest.
	SnapshotMaking SnapshotState = "making"
	// SnapshotReady means that instances can be resumed from the snapshot.
	SnapshotReady SnapshotState = "ready"
	// SnapshotFailed means that no snapshot could be made; Error says why. It has no volumes.
	SnapshotFailed SnapshotState = "failed"
	// SnapshotRemoving means that the snapshot is being removed. Nothing may be resumed from it.
	SnapshotRemoving SnapshotState = "removing"
)

// Shape is the machine that a guest's memory needs: no other can resume it.
type Shape struct {
	Host       string     `json:"host"` // its name: libvirt may choose another UUID at each start
	DomainType string     `json:"domain_type"`
	Sockets    int        `json:"sockets"`
	Cores      int        `json:"cores"` // of each socket
	CPU        string     `json:"cpu"`   // as profile.Machine has it
	MemoryMiB  uint64     `json:"memory_mib"`
	Firmware   string     `json:"firmware"`
	Interfaces []ShapeNIC `json:"interfaces,omitempty"` // in their order
	Disk       ShapeDisk  `json:"disk"`                 // the system disk
}

// ShapeNIC is a network interface of a Shape.
type ShapeNIC struct {
	Name  string `json:"name"`
	Model string `json:"model"`
}

// ShapeDisk is the system disk of a Shape.
type ShapeDisk struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // as in profile.Drive
	Size uint64 `json:"size_bytes"`
}

// Engine is what runs guests on a host, as far as a guest's memory depends on it.
type Engine struct {
	Hypervisor string `json:"hypervisor,omitempty"` // QEMU's version
	CPU        string `json:"cpu,omitempty"`        // digest of the host's processor
}

// Snapshot is a warm snapshot in a pool. Versions of one image that ask for the same share it. Its
// key is SnapshotKey. It is also the claim to make it: the process that creates the document makes
// the snapshot, and the others wait.
type Snapshot struct {
	State    SnapshotState `json:"state"`
	Runner   string        `json:"runner,omitempty"` // the process that makes or removes it, as package lease names it
	Since    time.Time     `json:"since"`
	Deadline time.Time     `json:"deadline"` // by then its runner is done, or dead
	Digest   string        `json:"digest"`   // of the image
	Shape    Shape         `json:"shape"`
	// Stem is how the names of its volumes, and that of its guest's domain while it is made, begin;
	// see naming.NewWarmStem. It is "" if it has none: when it has failed, or is being removed.
	Stem string `json:"stem,omitempty"`
	// Retired are the stems of what is being removed: of earlier snapshots of this key, or of this one.
	// Their memory is deleted at once; their disks stay until nothing stands on them.
	Retired    []string `json:"retired,omitempty"`
	MemorySize int64    `json:"memory_bytes,omitempty"` // of the volume with the memory
	DiskSize   int64    `json:"disk_bytes,omitempty"`   // that the volume of the disk takes in the pool
	Machine    string   `json:"machine,omitempty"`      // the machine type, in full
	// Engine is what it was made by. QEMU of one version has the same machine types.
	Engine
	Guest     string    `json:"guest,omitempty"` // what the guest has, as package resume reads it
	CreatedAt time.Time `json:"created_at"`
	Error     string    `json:"error,omitempty"` // why there is none
	// Failures counts guests that could not be resumed from it in a row.
	Failures int `json:"failures,omitempty"`
	// Versions are the ids of the versions that ask for it.
	Versions []string `json:"versions"`
	// UnusedSince is when a process first saw that no version asks for it, and no process has seen one
	// since.
	UnusedSince *time.Time `json:"unused_since,omitempty"`
}

// Stems are the stems of all that there is of the snapshot, and that is being removed of it.
func (s Snapshot) Stems() []string {
	if s.Stem == "" {
		return s.Retired
	}
	return append(slices.Clone(s.Retired), s.Stem)
}

// Lease is the lease of the process that makes or removes the snapshot, by the pool's clock.
func (s Snapshot) Lease() lease.Lease {
	return lease.Lease{Holder: s.Runner, Since: s.Since, Deadline: s.Deadline}
}

// MaxFailures is how many guests in a row may fail to resume before a snapshot counts as unusable.
const MaxFailures = 3

// Unusable says why nothing can be resumed from the snapshot on a host that has the engine, as the
// end of a sentence, or "". What is not known of either engine, "", is not compared.
func (s Snapshot) Unusable(now Engine) string {
	differ := func(made, has string) bool { return made != "" && has != "" && made != has }
	switch {
	case s.State == SnapshotMaking:
		return "another process is making it"
	case s.State == SnapshotFailed:
		return "it could not be made: " + s.Error
	case s.State != SnapshotReady:
		return "it is being removed"
	case differ(s.Hypervisor, now.Hypervisor):
		return fmt.Sprintf("it was made by QEMU %s, and the host has QEMU %s", s.Hypervisor, now.Hypervisor)
	case differ(s.Engine.CPU, now.CPU):
		return "it was made on another processor than the host has"
	case s.Failures >= MaxFailures:
		return fmt.Sprintf("%d guests in a row could not be resumed from it", s.Failures)
	}
	return ""
}

// AskedBy reports whether a version asks for the snapshot of a key, as far as its own document says.
// One that is being registered may do so.
func (s Snapshot) AskedBy(v Version, key string) bool {
	if v.Claim != nil {
		return true
	}
	return v.Warm != nil && v.Digest == s.Digest && SnapshotKey(s.Digest, s.Shape, *v.Warm) == key
}

// Retire takes the snapshot out of use, in the state that it then has: its stem becomes one of those
// that are being removed.
func (s *Snapshot) Retire(to SnapshotState) {
	s.Retired = s.Stems()
	s.State, s.Stem, s.Runner = to, "", ""
}

// sealing is the version of the way in which guests are sealed. Guests that were sealed in another way
// are not resumed. Package guest/resume has the same version in what its guests say.
const sealing = 1

// SnapshotKey is the key of a snapshot: it stands for everything that a guest had when it was
// saved. What runs in resumed guests is not part of it.
func SnapshotKey(digest string, shape Shape, w Warm) string {
	text, _ := json.Marshal(struct { // it cannot fail: there are texts and numbers
		Sealing       int
		Digest        string
		Shape         Shape
		SettleSeconds int64
		SealCommands  []string `json:",omitempty"` // as documents have them
	}{sealing, digest, shape, w.SettleSeconds, w.SealCommands})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
