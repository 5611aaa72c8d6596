package vm

import (
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// seedContentLimit is how many bytes the guest may be told at its first boot. The seed holds them
// in base64, and must stay below seedLimit.
const seedContentLimit = 40 << 20

// checkSeed reports that there is more for the guest than a seed has room for.
func (p *Part) checkSeed() finding.List {
	var fs finding.List
	told := []kind.Share{{At: finding.At("parameters"), What: "the template's cloud_init.user_data with the parameters",
		Size: len(p.UserData)}}
	if c := p.Customization; c != nil {
		told = append(told, kind.Share{At: finding.At("customization").Name("user_data"), What: "user_data",
			Size: len(c.UserData)})
		for _, path := range slices.Sorted(maps.Keys(c.Files)) {
			told = append(told, kind.Share{At: finding.At("customization").Name("files").Key(path),
				What: fmt.Sprintf("file %q", path), Size: len(c.Files[path].Content)})
		}
	}
	if total := kind.Sum(told); total > seedContentLimit {
		largest := kind.Largest(told)
		fs.Add(largest.At, "Too much for a cloud-init seed",
			fmt.Sprintf("The guest would get %s at its first boot, and the "+
				"limit is %s. Of that, %s takes %s: make it smaller, or have the guest "+
				"fetch it.", kind.MiB(total), kind.MiB(seedContentLimit), largest.What, kind.MiB(largest.Size)))
	}
	return fs
}
