package oci

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Platform is what an image is made for. The operating system is always Linux.
type Platform struct {
	Architecture string // as Go calls it: "amd64" or "arm64"
}

// The platforms that containers can have.
var (
	LinuxAMD64 = Platform{"amd64"}
	LinuxARM64 = Platform{"arm64"}
)

// baselines are the variants that every processor of an architecture has; "" is such a one as well.
var baselines = map[Platform]string{LinuxAMD64: "v1", LinuxARM64: "v8"}

// String returns "linux/ARCHITECTURE".
func (p Platform) String() string { return "linux/" + p.Architecture }

// ParsePlatform reads "linux/amd64" or "linux/arm64".
func ParsePlatform(text string) (Platform, error) {
	for p := range baselines {
		if p.String() == text {
			return p, nil
		}
	}
	return Platform{}, fmt.Errorf("%q is not a platform that containers can have: use %s or %s", text, LinuxAMD64,
		LinuxARM64)
}

// machines are architectures as uname and libvirt call them.
var machines = map[string]Platform{"x86_64": LinuxAMD64, "aarch64": LinuxARM64}

// PlatformOf is the platform of a machine of that architecture, as uname and libvirt call it; known is
// false if containers cannot run there.
func PlatformOf(machine string) (p Platform, known bool) {
	p, known = machines[machine]
	return p, known
}

// runs reports whether the platform runs what was made for another one.
func (p Platform) runs(made v1.Platform) bool {
	return made.OS == "linux" && made.Architecture == p.Architecture &&
		(made.Variant == "" || made.Variant == baselines[p])
}

// PlatformError reports that there is no image, or not only one, for a platform.
type PlatformError struct {
	Origin image.Origin
	Wanted Platform
	Found  []string // what there is instead, or what there is to choose from: "linux/arm64/v8 (shop:1.0)"
	Many   bool     // there are several for the platform
}

func (e *PlatformError) Error() string {
	list := "nothing that can be run"
	if len(e.Found) > 0 {
		list = strings.Join(e.Found, ", ")
	}
	if e.Many {
		return fmt.Sprintf("%s has several images for %s: %s. Export the one to use alone.", e.Origin, e.Wanted, list)
	}
	return fmt.Sprintf("%s has no image for %s. It has %s. Export the image for that platform.", e.Origin, e.Wanted,
		list)
}

// Attribute is the field of the source to blame: the one that says where the image is.
func (e *PlatformError) Attribute() string { return e.Origin.Attribute }

// candidate is an image to choose from. There may be many, so it has only what is needed for that.
type candidate struct {
	v1.Descriptor             // its type, digest and size
	platform      v1.Platform // as bare returns it
	name          string      // that it was given, as short returns it; "" for none
}

// bare is a platform without what does not count here.
func bare(p v1.Platform) v1.Platform {
	return v1.Platform{OS: short(p.OS), Architecture: short(p.Architecture), Variant: short(p.Variant)}
}

// short is the beginning of a text from an image, and keeps nothing else of it in memory.
func short(text string) string {
	const enough = 200 // bytes
	return strings.Clone(text[:min(len(text), enough)])
}

func (c candidate) String() string {
	text := c.platform.String()
	if text == "" {
		text = "an image for an unknown platform"
	}
	text = shown(text)
	if c.name != "" {
		text += " (" + shown(c.name) + ")"
	}
	return text
}

// shown makes text from an image safe to show as a part of a sentence.
func shown(text string) string {
	quoted := image.Quote(short(text))
	return quoted[1 : len(quoted)-1]
}

// choose returns the image for a platform. The same image under several names is one.
func choose(o image.Origin, p Platform, from []candidate) (candidate, error) {
	fit := slices.DeleteFunc(slices.Clone(from), func(c candidate) bool { return !p.runs(c.platform) })
	if len(fit) == 0 {
		return candidate{}, &PlatformError{Origin: o, Wanted: p, Found: listed(from)}
	}
	for _, c := range fit[1:] {
		if c.Digest != fit[0].Digest {
			return candidate{}, &PlatformError{Origin: o, Wanted: p, Found: listed(fit), Many: true}
		}
	}
	return fit[0], nil
}

// listed names candidates, but not all of a great many.
func listed(all []candidate) []string {
	const enough = 20
	list := make([]string, 0, min(len(all), enough)+1)
	for _, c := range all {
		list = append(list, c.String())
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) > enough {
		list = append(list[:enough], fmt.Sprintf("and %d more", len(list)-enough))
	}
	return list
}
