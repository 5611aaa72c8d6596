// Package resume is what a guest does so that its memory can be saved, and resumed as another guest.
//
// A guest is booted once, without an identity, and sealed by the script of Seal. Its memory is saved,
// and resumed any number of times. Each guest that is resumed runs the script of Identify, before
// anything else, and then that of Personalise. Package agent runs all of them.
package resume

import (
	_ "embed" // the scripts
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// EntropySize is how many bytes of randomness Identify needs.
const EntropySize = 64

var (
	//go:embed common.sh
	commonScript string
	//go:embed silent.sh
	silentScript string
	//go:embed seal.sh
	sealScript string
	//go:embed stages.py
	stagesProgram string
	//go:embed identify.sh
	identifyScript string
	//go:embed personalise.sh
	personaliseScript string
	//go:embed plain.sh
	plainScript string
	//go:embed cloudinit.sh
	cloudInitScript string
	//go:embed ended.sh
	endedScript string
)

// Seed returns the seed of a guest that is to be sealed, by which it gets nothing of its own: no
// login, no name, and no network. id is any name for it.
func Seed(id string) (guest.Files, error) {
	files, err := guest.Seed{InstanceID: id, Hostname: "localhost"}.Render()
	if err != nil {
		return guest.Files{}, err
	}
	files.UserData = append(files.UserData, "users: []\n"...)
	files.NetworkConfig = []byte("version: 2\nethernets: {}\n") // without it, cloud-init would ask by DHCP
	return files, nil
}

// Seal returns the script that seals a guest. It stops what must not be saved, deletes what belongs
// to one guest alone, and takes the network cards from their drivers. Then it runs the commands, each
// by a shell of its own. It refuses a guest that others could still talk to, or whose random numbers
// cannot be reseeded.
//
// The script prints what ParseFacts reads. If it refuses the guest, its exit status is not 0, and it
// has written a sentence to its standard error that says why. A command that fails is named by its
// index.
func Seal(commands []string) string {
	return wrapped(silentScript+sealScript, "@STAGES@", strings.ReplaceAll(stagesProgram, "'", `'\''`),
		"  @COMMANDS@\n", runs("seal_commands", commands))
}

// Silent returns the script that refuses a sealed guest that others could talk to. A service may have
// started since the guest was sealed. If the script refuses the guest, it does so as that of Seal.
func Silent() string { return wrapped(silentScript + "\nmain() {\n  silent\n}\n") }

// runs are calls of the function run.
func runs(name string, commands []string) string {
	var calls strings.Builder
	for i, command := range commands {
		call(&calls, "run", name, fmt.Sprint(i), command)
	}
	return calls.String()
}

// call writes the call of a function.
func call(out *strings.Builder, function string, args ...string) {
	out.WriteString("  " + function)
	for _, arg := range args {
		out.WriteString(" " + cloudinit.ShellWord(arg))
	}
	out.WriteString("\n")
}

// wrapped puts a script together, with values in place of its marks. The shell has read all of it
// before it begins, and none of its commands reads on.
func wrapped(body string, marks ...string) string {
	return commonScript + strings.NewReplacer(marks...).Replace(body) + "\nmain \"$@\" </dev/null\nexit\n"
}

// Person is who a guest becomes that is resumed.
type Person struct {
	UUID string // of the domain, in any case
	Seed guest.Seed
	// Commands run once the guest has its identity and its cards, which may not have their addresses
	// yet, and before it is personalised, each by a shell of its own.
	Commands []string
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Identify returns the script that every guest runs first that is resumed. It reseeds the guest's
// random numbers with EntropySize bytes of entropy, which are used for nothing else, sets its clock to
// now, and gives it its machine id and its host name. If its exit status is not 0, the guest has no
// identity of its own, and must not go on. The script may run again.
//
// The clock is set by the script because the agent's own command sets the hardware clock, too, which
// takes a second, and which is right: it is the host's.
func (p Person) Identify(f Facts, entropy []byte, now time.Time) (string, error) {
	if len(entropy) != EntropySize {
		return "", fmt.Errorf("a guest that is resumed needs %d bytes of entropy, not %d", EntropySize, len(entropy))
	}
	uuid := strings.ToLower(p.UUID)
	if !uuidForm.MatchString(uuid) {
		return "", fmt.Errorf("%q is not a UUID", p.UUID)
	}
	if err := guest.ValidHostname(p.Seed.Hostname); err != nil {
		return "", err
	}
	if f.Reseed == "" {
		return "", errors.New("the guest was sealed without a way to reseed its random numbers")
	}
	var octal strings.Builder
	for _, b := range entropy {
		fmt.Fprintf(&octal, `\%03o`, b)
	}
	return wrapped(identifyScript, "@TIME@", fmt.Sprint(now.Unix()), "@ENTROPY@", octal.String(), "@PROGRAM@", f.Reseed,
		"@MACHINE@", strings.ReplaceAll(uuid, "-", ""), "@HOSTNAME@", f.hostname(p.Seed.Hostname)), nil
}

// Connect returns the script that gives the guest its cards back, before others are plugged in: the
// first card that a guest finds gets its first name. Personalise does the same for a guest that gets no
// other cards. The script may run again.
func Connect() string { return wrapped("main() {\n  plug\n}\n") }

// Lane is the way in which a guest becomes what its seed asks for.
type Lane string

// A guest without cloud-init has its identity and its network, and nothing else.
const (
	LaneNone      Lane = "none"
	LanePlain     Lane = "plain"      // by a script, which is faster
	LaneCloudInit Lane = "cloud-init" // by cloud-init, from the seed in its drive
)

// maxPlain bounds, in bytes, what a script may be to be sent to a guest's agent, as base64 in JSON:
// libvirt's requests have 4 MiB. Larger files come with the seed.
const maxPlain = 1 << 20

// Personalise returns the script that connects the guest, once everything is plugged in, runs the
// commands, and has the guest become what its seed asks for. It ends while the guest is still at that.
// The guest then reports as after a boot; see guest.Report. A guest in which the lane is killed reports
// that, even if it would not report otherwise.
//
// If its exit status is not 0, it has written a sentence to its standard error that says why.
func (p Person) Personalise(f Facts) (script string, lane Lane, err error) {
	if f.CloudInit == "" {
		script, err = p.personalise(LaneNone, "")
		return script, LaneNone, err
	}
	if f.NotPlain == "" {
		direct, reason, err := p.Seed.Direct()
		if err != nil {
			return "", "", err
		}
		defaultUser := slices.ContainsFunc(direct.Users, func(u guest.DirectUser) bool { return u.Name == f.User })
		if reason == "" && !defaultUser { // which cloud-init merges with the instance's
			script, err = p.personalise(LanePlain, plain(direct, f))
			if err != nil || len(script) <= maxPlain {
				return script, LanePlain, err
			}
		}
	}
	script, err = p.personalise(LaneCloudInit, wrapped(cloudInitScript))
	return script, LaneCloudInit, err
}

// personalise returns the script, which starts another for the lane.
func (p Person) personalise(lane Lane, then string) (string, error) {
	var calls strings.Builder
	if lane != LaneNone {
		netplan, err := guest.Netplan(p.Seed.NetworkInterfaces)
		if err != nil {
			return "", err
		}
		call(&calls, "begun")
		if netplan != "" {
			call(&calls, "netplan", netplan)
		}
	}
	call(&calls, "plug")
	if lane != LaneNone {
		for _, nic := range p.Seed.NetworkInterfaces {
			if nic.KeepsName() {
				call(&calls, "named", nic.Name, strings.ToLower(nic.MAC))
			}
		}
	}
	calls.WriteString(runs("resume_commands", p.Commands))
	if lane == LaneNone {
		call(&calls, "restore")
	} else {
		call(&calls, "resume", string(lane), then, p.ended())
	}
	return wrapped(personaliseScript, "  @CALLS@\n", calls.String()), nil
}

// ended returns the script that reports a lane that was killed.
func (p Person) ended() string {
	return wrapped(endedScript, "@REPORT@", guest.ReportMark(p.Seed.InstanceID))
}
