package provision

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

const (
	// metadataLimit is how many bytes of an instance's definition its description and metadata may take. The rest is for the
	// machine and its devices, some KiB, and what is noted of them later.
	metadataLimit = host.MaxDefinition - 192<<10
	// seedContentLimit is how many bytes the guest may be told at its first boot. The seed has that in base64, and must stay
	// below seedLimit.
	seedContentLimit = 40 << 20
	// escaped is how many bytes XML takes at most for one.
	escaped = 6
	// element is how many bytes an entry of the metadata takes beside its name and value: its tags, and how libvirt indents it.
	element = 64
	// indent is how much of that libvirt puts before it.
	indent = 16
)

// part is something of a request that takes room.
type part struct {
	at   finding.Path
	what string
	size int // bytes
}

// checkMetadata finds that libvirt would not take what a request writes into the instance's metadata.
func (b *Blueprint) checkMetadata(r Request) finding.List {
	var fs finding.List
	if total, parts := b.metadataParts(r); total > metadataLimit {
		largest := slices.MaxFunc(parts, func(a, b part) int { return a.size - b.size })
		fs.Add(largest.at, "Metadata too large", fmt.Sprintf("The instance's metadata on its host would have %s, and libvirt has room for %s. Of that, "+
			"%s takes %s: make it smaller, or have the guest fetch it.", mib(total), mib(metadataLimit), largest.what, mib(largest.size)))
	}
	return fs
}

// checkSeed finds that there is more for the guest than a seed has room for.
func (b *Blueprint) checkSeed() finding.List {
	var fs finding.List
	told := []part{{finding.At("parameters"), "the template's cloud_init.user_data with the parameters", len(b.UserData)}}
	if c := b.Customization; c != nil {
		told = append(told, part{finding.At("customization").Name("user_data"), "user_data", len(c.UserData)})
		for _, path := range slices.Sorted(maps.Keys(c.Files)) {
			told = append(told, part{finding.At("customization").Name("files").Key(path), fmt.Sprintf("file %q", path), len(c.Files[path].Content)})
		}
	}
	if total := sum(told); total > seedContentLimit {
		largest := slices.MaxFunc(told, func(a, b part) int { return a.size - b.size })
		fs.Add(largest.at, "Too much for a cloud-init seed", fmt.Sprintf("The guest would get %s at its first boot, and the "+
			"limit is %s. Of that, %s takes %s: make it smaller, or have the guest "+
			"fetch it.", mib(total), mib(seedContentLimit), largest.what, mib(largest.size)))
	}
	return fs
}

// metadataParts are what a request and its version take of the metadata, and all of it together. Where that is little in any
// case, it is not looked at closer.
func (b *Blueprint) metadataParts(r Request) (total int, parts []part) {
	spec, err := json.Marshal(b.Version.Spec)
	rough := 2*len(spec) + (escaped+2)*len(r.Description) // which is there twice where libvirt cannot hold it: see metadata.Described
	for name, v := range b.Shown {
		if v != nil {
			rough += element + escaped*(len(name)+len(v.Text))
		}
	}
	for name, value := range r.Labels {
		rough += element + escaped*(len(name)+len(value))
	}
	if err != nil || rough < metadataLimit/2 {
		return 0, nil
	}
	empty, _ := metadata.Facts{}.Marshal() // which writes nothing that it cannot write
	size := func(facts metadata.Facts) int {
		text, _ := facts.Marshal()
		return host.AnswerSize(text) - len(empty)
	}
	add := func(at finding.Path, what string, facts metadata.Facts) {
		parts = append(parts, part{at, what, size(facts)})
	}
	all := metadata.Facts{Parameters: metadata.Settings(b.Shown), Labels: metadata.Pairs(r.Labels)}
	for _, setting := range all.Parameters {
		add(finding.At("parameters").Key(string(setting.Key)), fmt.Sprintf("parameter %q", setting.Key), metadata.Facts{Parameters: []metadata.Setting{setting}})
	}
	for _, label := range all.Labels {
		add(finding.At("labels").Key(string(label.Key)), fmt.Sprintf("label %q", label.Key), metadata.Facts{Labels: []metadata.Pair{label}})
	}
	const declared = "what the version declares"
	unkept := 0
	if frozen, err := metadata.Freeze(b.Version); err == nil {
		all.Frozen = frozen
		add(finding.At("version"), declared, metadata.Facts{Frozen: frozen})
	} else {
		unkept = len(spec)
		parts = append(parts, part{finding.At("version"), declared, unkept})
	}
	var description bytes.Buffer
	shown, exact := metadata.Described(r.Description)
	all.Description = exact
	_ = xml.EscapeText(&description, []byte(shown)) // a buffer takes everything
	inDomain := host.AnswerSize(description.String())
	parts = append(parts, part{finding.At("description"), "description", inDomain + size(metadata.Facts{Description: exact})})
	return unkept + inDomain + size(all) + indent*(len(all.Parameters)+len(all.Labels)), parts
}

func sum(parts []part) (size int) {
	for _, p := range parts {
		size += p.size
	}
	return size
}

// mib writes a number of bytes.
func mib(bytes int) string { return fmt.Sprintf("%.2f MiB", float64(bytes)/(1<<20)) }
