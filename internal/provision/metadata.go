package provision

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

const (
	// metadataLimit is how many bytes of an instance's definition its description and metadata may
	// take. The rest is for the machine and its devices, some KiB, and for what is recorded about them
	// later.
	metadataLimit = host.MaxDefinition - 192<<10
	// escaped is how many bytes XML takes at most for one byte.
	escaped = 6
	// element is how many bytes an entry of the metadata takes beside its name and value: its tags,
	// and libvirt's indentation.
	element = 64
	// indent is how much of element libvirt puts before the entry.
	indent = 16
)

// checkMetadata reports that libvirt would not take what a request writes into the instance's
// metadata.
func checkMetadata(b kind.Blueprint, r kind.Request) finding.List {
	var fs finding.List
	if total, parts := metadataShares(b, r); total > metadataLimit {
		largest := kind.Largest(parts)
		fs.Add(largest.At, "Metadata too large", fmt.Sprintf("The instance's metadata on its host would have %s, and "+
			"libvirt has room for %s. Of that, "+
			"%s takes %s: make it smaller, or have the guest fetch it.", kind.MiB(total), kind.MiB(metadataLimit),
			largest.What, kind.MiB(largest.Size)))
	}
	return fs
}

// metadataShares are the shares of the metadata that a request and its version take, and the total.
// If the total is small in any case, it is not computed exactly.
func metadataShares(b kind.Blueprint, r kind.Request) (total int, parts []kind.Share) {
	spec, err := json.Marshal(b.Version.Spec)
	// A description is stored twice if libvirt cannot hold it: see metadata.Described.
	rough := 2*len(spec) + (escaped+2)*len(r.Description)
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
	empty, _ := metadata.Facts{}.Marshal() // Marshal writes nothing that it cannot write
	size := func(facts metadata.Facts) int {
		text, _ := facts.Marshal()
		return host.AnswerSize(text) - len(empty)
	}
	add := func(at finding.Path, what string, facts metadata.Facts) {
		parts = append(parts, kind.Share{At: at, What: what, Size: size(facts)})
	}
	all := metadata.Facts{Parameters: metadata.Settings(b.Shown), Labels: metadata.Pairs(r.Labels)}
	for _, setting := range all.Parameters {
		add(finding.At("parameters").Key(string(setting.Key)), fmt.Sprintf("parameter %q", setting.Key),
			metadata.Facts{Parameters: []metadata.Setting{setting}})
	}
	for _, label := range all.Labels {
		add(finding.At("labels").Key(string(label.Key)), fmt.Sprintf("label %q", label.Key),
			metadata.Facts{Labels: []metadata.Pair{label}})
	}
	const declared = "what the version declares"
	unkept := 0
	if frozen, err := metadata.Freeze(b.Version); err == nil {
		all.Frozen = frozen
		add(finding.At("version"), declared, metadata.Facts{Frozen: frozen})
	} else {
		unkept = len(spec)
		parts = append(parts, kind.Share{At: finding.At("version"), What: declared, Size: unkept})
	}
	var description bytes.Buffer
	shown, exact := metadata.Described(r.Description)
	all.Description = exact
	_ = xml.EscapeText(&description, []byte(shown)) // a buffer accepts everything
	inDomain := host.AnswerSize(description.String())
	parts = append(parts, kind.Share{
		At: finding.At("description"), What: "description", Size: inDomain + size(metadata.Facts{Description: exact}),
	})
	return unkept + inDomain + size(all) + indent*(len(all.Parameters)+len(all.Labels)), parts
}
