package resume

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Facts are what a sealed guest says of itself.
type Facts struct {
	// Version is that of the way in which it was sealed.
	Version int `json:"version"`
	// Reseed is the program that reseeds its random numbers: perl, python3 or novacron-reseed.
	Reseed string `json:"reseed"`
	// CloudInit is the version of its cloud-init; "" for none.
	CloudInit string `json:"cloud_init"`
	// Preloaded says that a process waits with cloud-init loaded.
	Preloaded bool `json:"preloaded"`
	// FQDN says that its distribution takes the whole of a host name with dots, not the first part.
	FQDN bool `json:"fqdn"`
	// User is the name of its distribution's default user, as its cloud-init has it; "" if that is not
	// known.
	User string `json:"user"`
	// NotPlain says why only cloud-init can personalise it; "" if a script can as well, or the guest has
	// no cloud-init.
	NotPlain string `json:"not_plain"`
}

// sealing is the Version of Facts. Change it with that of package catalog, which is in the keys of
// snapshots.
const sealing = 1

// factTexts match what the texts of Facts consist of, which scripts have in quotes.
var factTexts = regexp.MustCompile(`^[A-Za-z0-9 ,./_+~-]{0,500}$`)

// ParseFacts reads what the script of Seal has printed, or Facts as their String.
func ParseFacts(stdout string) (Facts, error) {
	var f Facts
	decoder := json.NewDecoder(strings.NewReader(stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return Facts{}, fmt.Errorf("what the sealed guest says is not the JSON expected: %w", err)
	}
	switch {
	case f.Version != sealing:
		return Facts{}, fmt.Errorf("the guest was sealed in a way (%d) that this provider does not know", f.Version)
	case f.Reseed != "perl" && f.Reseed != "python3" && f.Reseed != "novacron-reseed":
		return Facts{}, fmt.Errorf("the guest would reseed its random numbers by %q, which is not known", f.Reseed)
	case !factTexts.MatchString(f.CloudInit) || !factTexts.MatchString(f.NotPlain) || !factTexts.MatchString(f.User):
		return Facts{}, fmt.Errorf("what the sealed guest says has characters that it cannot have")
	}
	return f, nil
}

// String returns the facts as ParseFacts reads them.
func (f Facts) String() string {
	text, _ := json.Marshal(f) // texts, numbers and truth values never fail
	return string(text)
}

// hostname is the host name that the guest takes for the name that it is given, as its cloud-init
// would choose it.
func (f Facts) hostname(name string) string {
	if f.CloudInit != "" && !f.FQDN {
		name, _, _ = strings.Cut(name, ".")
	}
	return name
}
