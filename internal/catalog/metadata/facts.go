package metadata

import (
	"encoding/xml"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Facts are what a host knows of an instance beyond its domain's definition. They are kept in the
// domain's metadata, so that reading and importing need nothing else. Secrets are never among them.
type Facts struct {
	XMLName xml.Name `xml:"urn:novacron:instance:1 instance"`
	Tenant  string   `xml:"tenant"`
	Name    string   `xml:"name"`
	// Description is the instance's description, if the domain's own element cannot hold it; see
	// Described.
	Description Text   `xml:"description,omitempty"`
	Library     string `xml:"library,omitempty"` // the pool of the library that has its template
	// Catalog is the id of the catalog that has its template, if that is in the pool of another host.
	Catalog    string           `xml:"catalog,omitempty"`
	Template   string           `xml:"template"` // "tenant/name"
	Version    string           `xml:"version"`  // as resolved
	Digest     string           `xml:"digest"`   // of the image, as its version has it
	Strategy   catalog.Strategy `xml:"strategy"`
	Labels     []Pair           `xml:"labels>label"`
	Parameters []Setting        `xml:"parameters>parameter"` // effective values, without secrets
	Protected  bool             `xml:"deletion_protection,omitempty"`
	// the cloud-init seed holds secrets that the guest has yet to read
	SecretSeed bool             `xml:"secret_seed,omitempty"`
	Customized Customized       `xml:"customization"`
	Addressing []AddressingNote `xml:"network>addressing"`
	MACs       []MACNote        `xml:"network>card"`    // as they were left last
	Pools      []string         `xml:"storage>pool"`    // in which volumes were created since the instance was
	Sizes      []DiskSize       `xml:"storage>size"`    // of the disks, as they were left last
	Shape      string           `xml:"shape,omitempty"` // identifies the machine and its devices as they were left last
	Provision  ProvisionNote    `xml:"provisioning"`
	// Moving names the other host, as the provider's hosts name it, while the instance is being moved: its
	// domain is then on both, and its placement says which of them has the instance. "" otherwise.
	Moving string `xml:"moving,omitempty"`
	// Arrived says, besides Moving, that the guest has come to this host while it ran: the host itself has
	// written that before it let the guest run.
	Arrived bool `xml:"arrived,omitempty"`
	// Container is what is kept of a container; nil for other kinds.
	Container *ContainerNote `xml:"container,omitempty"`
	Frozen    Frozen         `xml:"frozen,omitempty"` // the version that changes of the instance use
}

// Customized describes, by a digest, what the instance's user asked of its guest, which may be
// secret.
type Customized struct {
	Digest string `xml:"digest,omitempty"` // "sha256:HEX"; "" for nothing
	// the guest has never been started, so it has yet to report on its first boot
	Pending bool `xml:"pending,omitempty"`
}

// MACNote is the MAC address of an interface. Once the interface is gone, nothing else has an
// address that was left to chance.
type MACNote struct {
	Interface string `xml:"interface,attr"`
	MAC       string `xml:",chardata"`
}

// NoteMACs writes down the MAC addresses of NICs that have names.
func NoteMACs(nics []profile.NIC) []MACNote {
	var notes []MACNote
	for _, nic := range nics {
		if nic.Name != "" { // else it is not novacron's
			notes = append(notes, MACNote{nic.Name, nic.MAC})
		}
	}
	return notes
}

// NotedMAC is the MAC address that NoteMACs wrote down for an interface, "" for none.
func NotedMAC(notes []MACNote, name string) string {
	for _, note := range notes {
		if note.Interface == name {
			return note.MAC
		}
	}
	return ""
}

// DiskSize is how large a disk is.
type DiskSize struct {
	Disk  string `xml:"disk,attr"` // name
	Bytes uint64 `xml:",chardata"`
}

// SizesOf returns the sizes of drives.
func SizesOf(drives []profile.Drive) []DiskSize {
	sizes := make([]DiskSize, len(drives))
	for i, d := range drives {
		sizes[i] = DiskSize{d.Name, d.Size}
	}
	return sizes
}

// Pair is an entry of a map.
type Pair struct {
	Key   Text `xml:"name,attr"`
	Value Text `xml:",chardata"`
}

// Setting is a parameter's value.
type Setting struct {
	Key   Text   `xml:"name,attr"`
	Type  string `xml:"type,attr"`
	Value Text   `xml:",chardata"`
}

// Settings writes the known values in the order of their names.
func Settings(values parameter.Values) []Setting {
	settings := make([]Setting, 0, len(values))
	for _, name := range naming.SortedNames(values) {
		if v := values[name]; v != nil {
			settings = append(settings, Setting{Text(name), v.Type, Text(v.Text)})
		}
	}
	return settings
}

// SettingValues returns the values that Settings wrote.
func SettingValues(settings []Setting) parameter.Values {
	values := make(parameter.Values, len(settings))
	for _, s := range settings {
		values[string(s.Key)] = &parameter.Value{Type: s.Type, Text: string(s.Value)}
	}
	return values
}

// ProvisionNote says who created the instance and whether it is complete.
type ProvisionNote struct {
	Request     string `xml:"request"`
	RequestedBy string `xml:"requested_by"`
	// Runner is the process that creates the instance, as package lease names it; "" once a state
	// has it.
	Runner    string     `xml:"runner"`
	Started   time.Time  `xml:"started"`  // by the clock of the library's pool
	Deadline  time.Time  `xml:"deadline"` // by then, on the same clock, it is complete, or its runner is dead
	Completed *time.Time `xml:"completed,omitempty"`
}

// Lease is the lease on the creation, by the clock of the library's pool.
func (n ProvisionNote) Lease() lease.Lease {
	return lease.Lease{Holder: n.Runner, Since: n.Started, Deadline: n.Deadline}
}

// Marshal renders the facts as one XML element.
func (f Facts) Marshal() (string, error) {
	data, err := xml.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("rendering the metadata of instance %s/%s: %w", f.Tenant, f.Name, err)
	}
	return string(data), nil
}

// Parse reads the element that Marshal wrote; it returns ErrDamaged if it cannot.
func Parse(element string) (Facts, error) {
	var f Facts
	if err := xml.Unmarshal([]byte(element), &f); err != nil {
		return f, fmt.Errorf("an instance's metadata are %w: %w", catalog.ErrDamaged, err)
	}
	if f.Tenant == "" || f.Name == "" {
		return f, fmt.Errorf("an instance's metadata are %w: tenant or name is missing", catalog.ErrDamaged)
	}
	return f, nil
}

// Pairs writes a map in the order of its keys.
func Pairs(m map[string]string) []Pair {
	pairs := make([]Pair, 0, len(m))
	for _, k := range naming.SortedNames(m) {
		pairs = append(pairs, Pair{Text(k), Text(m[k])})
	}
	return pairs
}

// PairMap returns the map that Pairs wrote; nil for no pairs.
func PairMap(pairs []Pair) map[string]string {
	if len(pairs) == 0 {
		return nil
	}
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		m[string(p.Key)] = string(p.Value)
	}
	return m
}
