package initd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"
)

const (
	// ConfigVersion is the version of the format that this package writes and reads.
	ConfigVersion = 1
	// MaxConfig is the size of the largest configuration, in bytes. Files of the container are most
	// of it.
	MaxConfig = 16 << 20
	// MaxID is the largest user or group id in a container. The kernel reserves the one above.
	MaxID = 1<<32 - 2
)

// Config is all that nova-init is told. It may hold secrets, and it is the only place for them.
type Config struct {
	Version int `json:"version"`
	// Revision is repeated in the status. The host chooses it, and sees by it which configuration
	// the container runs with.
	Revision string `json:"revision"`
	// Request is repeated in the status once the disks have been grown.
	Request uint64 `json:"request,omitempty"`
	// Halt is Status.Started of the container that is to stop, as at SIGTERM. It is for hosts that cannot
	// send the signal. nova-init notices it within some seconds; later starts of the container ignore it. A
	// system does not heed it.
	Halt time.Time `json:"halt,omitzero"`

	Hostname string `json:"hostname,omitempty"`
	// System has /sbin/init of the image take the place of nova-init as process 1. Such a container
	// is always privileged, and has no Process, Health or Restart.
	System bool `json:"system,omitempty"`
	// Privileged leaves out the user namespace and everything else that confines the application:
	// its root is then the host's root.
	Privileged bool `json:"privileged,omitempty"`
	// Users are the host's ids that stand for the ids 0, 1, … of the container.
	Users IDRange `json:"users,omitzero"`

	// Upper says where the container keeps what it writes.
	Upper Upper   `json:"upper"`
	Disks []Disk  `json:"disks,omitempty"`
	Tmpfs []Tmpfs `json:"tmpfs,omitempty"`
	Files []File  `json:"files,omitempty"`
	// Seed are the files for cloud-init's data source NoCloud, by name: "user-data". Only for System.
	// Its network configuration has to name interfaces by their names: netplan looks for permanent MAC
	// addresses, and a container's interface has none.
	Seed map[string][]byte `json:"seed,omitempty"`

	Network Network `json:"network,omitzero"`

	Process Process `json:"process,omitzero"`
	Restart Restart `json:"restart,omitempty"` // "" is RestartNo
	Stop    Stop    `json:"stop,omitzero"`
	Health  *Health `json:"health,omitempty"`
}

// Upper is a place for what a container writes.
type Upper string

// Places for what a container writes.
const (
	UpperDisk   Upper = "disk"   // the file system at /, which outlives the container
	UpperMemory Upper = "memory" // the tmpfs at /.nova/upper, which is empty at each start
)

// IDRange is a range of user and group ids of the host.
type IDRange struct {
	First uint32 `json:"first"` // 1 or more
	Count uint32 `json:"count"` // 65536 for the ids that images use
}

// Disk is a data disk at /.nova/disks/NAME. When it is first mounted, and the image has a directory
// there, it gets that directory's owner and mode.
type Disk struct {
	Name string `json:"name"`
	Path string `json:"path"` // absolute, in the container
}

// Tmpfs is a file system in memory.
type Tmpfs struct {
	Path string `json:"path"` // absolute, in the container
	Size int64  `json:"size"` // bytes
	Mode uint32 `json:"mode"` // 0 is 01777
}

// File is written before the application starts, over one that the image has.
type File struct {
	Path    string `json:"path"` // absolute, in the container; missing directories are made
	Mode    uint32 `json:"mode"` // permission bits, and setuid, setgid, sticky as in stat(2)
	UID     uint32 `json:"uid"`
	GID     uint32 `json:"gid"`
	Content []byte `json:"content"`
}

// Process is a program, with ids of the container.
type Process struct {
	Args []string `json:"args"` // the first is looked up in PATH of Env if it has no slash
	Env  []string `json:"env"`  // "NAME=value"
	// Dir is the working directory, absolute; "" is "/". It is made if it is missing.
	Dir    string   `json:"dir,omitempty"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"` // supplementary
}

// Restart says what happens when the application exits.
type Restart string

// Policies of restarting. None applies to an application that was told to stop, or that could not
// be started.
const (
	RestartNo        Restart = "no"
	RestartOnFailure Restart = "on-failure" // an exit code other than 0, or a signal
	RestartAlways    Restart = "always"
)

// Stop says how the application is stopped.
type Stop struct {
	Signal  int   `json:"signal"`     // the number on Linux; 0 is SIGTERM
	Timeout int64 `json:"timeout_ms"` // milliseconds until SIGKILL for all processes
}

// Health is a command whose exit code says whether the application is healthy. Times are in
// milliseconds.
type Health struct {
	Args        []string `json:"args"` // as of Process; "CMD-SHELL" is written as /bin/sh -c
	Interval    int64    `json:"interval_ms"`
	Timeout     int64    `json:"timeout_ms"`
	Retries     int      `json:"retries"`
	StartPeriod int64    `json:"start_period_ms"`
}

// Network has the interfaces, and how names are resolved. If System is set, only Hostname applies,
// since the system configures its network itself.
type Network struct {
	Interfaces  []Interface  `json:"interfaces,omitempty"`
	Nameservers []netip.Addr `json:"nameservers,omitempty"` // if there are none, DHCP's
	Search      []string     `json:"search,omitempty"`
	Hosts       []Host       `json:"hosts,omitempty"` // besides localhost and the container itself
}

// Interface is a network interface.
type Interface struct {
	Name      string         `json:"name"` // in the container
	MAC       string         `json:"mac"`  // finds it
	DHCP      bool           `json:"dhcp,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"` // with the length of the network's prefix
	Routes    []Route        `json:"routes,omitempty"`
	MTU       uint32         `json:"mtu,omitempty"` // bytes; 0 leaves it
}

// Route is a static route.
type Route struct {
	To  netip.Prefix `json:"to"`
	Via netip.Addr   `json:"via,omitzero"` // invalid: on the link
}

// Host is a line of /etc/hosts.
type Host struct {
	Address netip.Addr `json:"address"`
	Names   []string   `json:"names"`
}

// ConfigError reports a configuration that nova-init must not run.
type ConfigError struct {
	Field string // "files[2].path"; "" for the whole
	Err   error
}

func (e *ConfigError) Error() string {
	if e.Field == "" {
		return "the configuration cannot be used: " + e.Err.Error()
	}
	return fmt.Sprintf("the configuration cannot be used: %s: %v", e.Field, e.Err)
}

func (e *ConfigError) Unwrap() error { return e.Err }

// VersionError reports a configuration of another version.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("it has version %d, and this nova-init reads version %d", e.Version, ConfigVersion)
}

// Marshal renders a configuration as ParseConfig reads it, with the current version. It returns a
// *ConfigError for one that ParseConfig would refuse.
func (c Config) Marshal() ([]byte, error) {
	c.Version = ConfigVersion
	if err := c.validate(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, &ConfigError{Err: err}
	}
	if len(text) > MaxConfig {
		return nil, &ConfigError{Err: fmt.Errorf("it has %d bytes, and the most is %d", len(text), MaxConfig)}
	}
	return text, nil
}

// ReadConfig is ParseConfig for all that a reader has. It returns the reader's errors as they are.
func ReadConfig(r io.Reader) (Config, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxConfig+1))
	if err != nil {
		return Config{}, err
	}
	return ParseConfig(text)
}

// ParseConfig reads a configuration. Zeros may follow it, because a volume can be larger than what
// it holds. It returns a *ConfigError for a configuration that is damaged, has another version
// (then it wraps a *VersionError), has fields that are not known, or breaks a rule.
func ParseConfig(text []byte) (Config, error) {
	text = bytes.TrimRight(text, "\x00")
	if len(text) > MaxConfig {
		return Config{}, &ConfigError{Err: fmt.Errorf("it has more than %d bytes", MaxConfig)}
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return Config{}, &ConfigError{Err: err}
	}
	if version.Version != ConfigVersion {
		return Config{}, &ConfigError{Field: "version", Err: &VersionError{version.Version}}
	}
	var c Config
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Config{}, &ConfigError{Err: err}
	}
	if err := c.validate(); err != nil {
		return Config{}, err
	}
	return c, nil
}
